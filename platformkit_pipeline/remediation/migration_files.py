"""A plan as migration files in the form of the Supabase CLI: `<14 digits>_<name>.sql`, and an undo beside each.

Undo files live in a folder of their own, because the CLI would run everything that lies in `migrations/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.proof import Proof, Verdict

UP_FOLDER = "migrations"
DOWN_FOLDER = "rollbacks"
TIMEOUTS = ("set local lock_timeout = '3s'", "set local statement_timeout = '60s'")
"""Before the statements of a file that is run in a transaction, as `platformkit apply` sets them. A file that may not be run in one
is a single statement, which has to stand alone: the CLI sends what a file holds in one go."""
_WORD = re.compile(r"[^a-z0-9]+")
_DIGEST = re.compile(r"^-- patch: ([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """`path` is relative to the folder that the plan is written to."""

    path: str
    text: str


def migration_files(plan: Plan, first_version: datetime) -> tuple[MigrationFile, ...]:
    """Two files per change, in the order of application; versions count up by one second from `first_version` (UTC).

    What refuses a transaction gets a file per statement: tools send a file as one, which the server takes for a transaction. Patches of
    several findings that the same statements mend share their files. What was tried and not proven stands in MANUAL.md, with the
    reason, beside what no SQL could be generated for.
    """
    files: list[MigrationFile] = []
    parts = [part for patches in _changes(plan.offered) for part in _parts(patches)]
    for position, part in enumerate(parts):
        version = (first_version + timedelta(seconds=position)).strftime("%Y%m%d%H%M%S")
        name = f"{version}_{_slug(part.patches[0])}{f'_{part.number}' if part.of > 1 else ''}.sql"
        files.append(MigrationFile(f"{UP_FOLDER}/{name}", _text(plan, part, "up", part.up)))
        files.append(MigrationFile(f"{DOWN_FOLDER}/{name}", _text(plan, part, "down", part.patches[0].down)))
    if plan.manual_items or plan.withheld:
        files.append(MigrationFile("MANUAL.md", _manual(plan)))
    return tuple(files)


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands in one migration; the undo of each part is that of the whole."""

    patches: Sequence[Patch]
    up: tuple[str, ...]
    number: int
    of: int


def _parts(patches: Sequence[Patch]) -> Iterator[_Part]:
    first = patches[0]
    portions = [first.up] if first.transactional else [(statement,) for statement in first.up]
    yield from (_Part(patches, up, number, len(portions)) for number, up in enumerate(portions, start=1))


def patches_in(text: str) -> frozenset[str]:
    """Digests of the patches that a migration file was written for; none for any other file."""
    return frozenset(_DIGEST.findall(text))


def _changes(patches: Sequence[Patch]) -> list[list[Patch]]:
    """Patches with the same statements together, where the first of them stands."""
    changes: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Patch]] = {}
    for patch in patches:
        changes.setdefault((patch.up, patch.down), []).append(patch)
    return list(changes.values())


def _slug(patch: Patch) -> str:
    return _WORD.sub("_", f"{patch.rule} {patch.object}".lower()).strip("_")[:80]


def _text(plan: Plan, part: _Part, direction: str, statements: tuple[str, ...]) -> str:
    patches = part.patches
    header = [
        f"{patches[0].title} ({direction})" + (f", part {part.number} of {part.of}" if part.of > 1 else ""),
        f"plan: {plan.plan_id}   scan: {plan.scan_id}",
        f"base catalogue fingerprint: {plan.base_fingerprint}",
    ]
    for patch in patches:
        header += [
            f"rule: {patch.rule}   object: {patch.object.canonical}   finding: {patch.finding_fingerprint}",
            f"patch: {patch.digest}",
            *_proof_lines(patch.proof),
        ]
    if not patches[0].transactional:
        header.append("not transactional: run outside a transaction block")
    header += dict.fromkeys(note for patch in patches for note in patch.notes)
    comments = "\n".join(f"-- {_one_line(line)}" for line in header)
    settings = TIMEOUTS if statements and patches[0].transactional else ()
    return comments + "\n\n" + "".join(f"{statement};\n" for statement in (*settings, *statements))


def _proof_lines(proof: Proof | None) -> Iterator[str]:
    if proof is None:
        yield "proof: UNPROVEN - review and try it on a copy first"
        return
    undo = "" if proof.reversible else ", IRREVERSIBLE: takes two approvals"
    yield f"proof: {proof.status.value.upper()}{undo} (PostgreSQL {proof.server_version}, rules {proof.ruleset_digest})"
    yield f"shadow before: {proof.base_fingerprint}"
    yield f"shadow after: {proof.patched_fingerprint}"
    for finding in proof.findings:
        mark = {Verdict.HELD: "held", Verdict.FAILED: "FAILED", Verdict.UNKNOWN: "UNKNOWN"}[finding.verdict]
        yield f"  ({int(finding.obligation)}) {finding.obligation.demand}: {mark}" + (f", {finding.detail}" if finding.detail else "")


def _one_line(text: str) -> str:
    """An identifier may contain a line break, which would end the comment. Leading blanks stay."""
    return " " * (len(text) - len(text.lstrip(" "))) + " ".join(text.split())


def _manual(plan: Plan) -> str:
    lines = [f"# To be done by hand: {plan.target_name}", ""]
    for item in plan.manual_items:
        lines += [f"## {item.rule} {_one_line(item.object.canonical)}", "", f"Why by hand: {_one_line(item.reason)}.", ""]
        lines += [f"{number}. {_one_line(step)}" for number, step in enumerate(item.steps, 1)]
        lines.append("")
    for patch in plan.withheld:
        lines += [f"## {patch.rule} {_one_line(patch.object.canonical)}", "", "Why by hand: generated SQL was tried and not proven.", ""]
        lines += [f"- {_one_line(text)}" for text in (_proof_lines(patch.proof))]
        lines += ["", *(f"    {_one_line(statement)};" for statement in patch.up), ""]
    return "\n".join(lines)
