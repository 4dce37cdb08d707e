"""A plan as migration files in the form of the Supabase CLI: `<14 digits>_<name>.sql`, and an undo beside each.

Undo files live in a folder of their own, because the CLI would run everything that lies in `migrations/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from platformkit_pipeline.model.patch import Patch, Plan

UP_FOLDER = "migrations"
DOWN_FOLDER = "rollbacks"
_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """`path` is relative to the folder that the plan is written to."""

    path: str
    text: str


def migration_files(plan: Plan, first_version: datetime) -> tuple[MigrationFile, ...]:
    """Two files per patch, in the order of application; versions count up by one second from `first_version` (UTC)."""
    files: list[MigrationFile] = []
    for position, patch in enumerate(plan.patches):
        version = (first_version + timedelta(seconds=position)).strftime("%Y%m%d%H%M%S")
        name = f"{version}_{_slug(patch)}.sql"
        files.append(MigrationFile(f"{UP_FOLDER}/{name}", _text(plan, patch, "up", patch.up)))
        files.append(MigrationFile(f"{DOWN_FOLDER}/{name}", _text(plan, patch, "down", patch.down)))
    if plan.manual_items:
        files.append(MigrationFile("MANUAL.md", _manual(plan)))
    return tuple(files)


def _slug(patch: Patch) -> str:
    return _WORD.sub("_", f"{patch.rule} {patch.object}".lower()).strip("_")[:80]


def _text(plan: Plan, patch: Patch, direction: str, statements: tuple[str, ...]) -> str:
    header = [
        f"{patch.title} ({direction})",
        f"rule: {patch.rule}   object: {patch.object.canonical}",
        f"finding: {patch.finding_fingerprint}   plan: {plan.plan_id}   scan: {plan.scan_id}",
        f"base catalogue fingerprint: {plan.base_fingerprint}",
        f"proof: {patch.status.value.upper()}" + (" - review and try it on a copy first" if patch.status.value == "unproven" else ""),
        *(() if patch.transactional else ("not transactional: run outside a transaction block",)),
        *patch.notes,
    ]
    comments = "\n".join(f"-- {_one_line(line)}" for line in header)
    return comments + "\n\n" + "".join(f"{statement};\n" for statement in statements)


def _one_line(text: str) -> str:
    """An identifier may contain a line break, which would end the comment."""
    return " ".join(text.split())


def _manual(plan: Plan) -> str:
    lines = [f"# To be done by hand: {plan.target_name}", ""]
    for item in plan.manual_items:
        lines += [f"## {item.rule} {_one_line(item.object.canonical)}", "", f"Why by hand: {_one_line(item.reason)}.", ""]
        lines += [f"{number}. {_one_line(step)}" for number, step in enumerate(item.steps, 1)]
        lines.append("")
    return "\n".join(lines)
