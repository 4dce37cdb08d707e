"""A remediation plan as a document: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.reporting.markdown import code, escape
from platformkit_pipeline.reporting.scan_document import object_document

PLAN_SCHEMA_VERSION = 1


def plan_markdown(plan: Plan, *, limit: int | None = None, remainder: str = "the plan's files") -> str:
    """Every patch with its SQL, then what is left to a person.

    With a `limit` in characters it ends with the last whole item that fits, and says how many follow in `remainder`.
    """
    parts = [
        f"**{len(plan.patches)} patches, {len(plan.manual_items)} for a person.** "
        f"Target {escape(plan.target_name)}, base {code(plan.base_fingerprint)}."
    ]
    for patch in plan.patches:
        parts.append(f"### {escape(patch.title)}\n\n{patch.rule}, {code(patch.object.canonical)}, {patch.status.value}")
        parts[-1] += "".join(f"\n- {escape(note)}" for note in patch.notes)
        parts.append(_sql_block((*patch.up, *(f"-- down: {' '.join(s.split())}" for s in patch.down))))
    for item in plan.manual_items:
        steps = "".join(f"\n{number}. {escape(step)}" for number, step in enumerate(item.steps, 1))
        parts.append(f"### {item.rule} {code(item.object.canonical)}\n\nFor a person: {escape(item.reason)}.\n{steps}")
    return _bounded(parts, limit, remainder) + "\n"


def plan_json(plan: Plan) -> str:
    """The plan as JSON text; statements are whole and without semicolons."""
    document = {
        "schema_version": PLAN_SCHEMA_VERSION,
        "plan_id": plan.plan_id,
        "target": plan.target_name,
        "scan_id": plan.scan_id,
        "base_fingerprint": plan.base_fingerprint,
        "patches": [
            {
                "rule": p.rule,
                "object": object_document(p.object),
                "finding": p.finding_fingerprint,
                "title": p.title,
                "up": list(p.up),
                "down": list(p.down),
                "transactional": p.transactional,
                "proof": p.status.value,
                "notes": list(p.notes),
            }
            for p in plan.patches
        ],
        "manual_items": [
            {
                "rule": m.rule,
                "object": object_document(m.object),
                "finding": m.finding_fingerprint,
                "reason": m.reason,
                "steps": list(m.steps),
            }
            for m in plan.manual_items
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _sql_block(statements: Iterable[str]) -> str:
    text = "\n".join(s if s.startswith("--") else f"{s};" for s in statements)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}sql\n{text}\n{fence}"


def _bounded(parts: Sequence[str], limit: int | None, remainder: str) -> str:
    length, kept = 0, 0
    for part in parts:
        length += len(part) + 2
        if limit is not None and length > limit and kept:
            break
        kept += 1
    if kept == len(parts):
        return "\n\n".join(parts)
    return "\n\n".join((*parts[:kept], f"*{len(parts) - kept} more items are not shown here; they are all in {remainder}.*"))
