"""A remediation plan as a document: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.plan_document import plan_document
from platformkit_pipeline.model.proof import PlanProof, Proof, ProofStatus, Verdict
from platformkit_pipeline.model.repository.patch import FileProof
from platformkit_pipeline.reporting.markdown import code, escape, fenced


def plan_markdown(plan: Plan, *, limit: int | None = None, remainder: str = "the plan's files") -> str:
    """Every patch with its SQL and what its proof said, then what is left to a person.

    With a `limit` in characters it ends with the last whole item that fits, and says how many follow in `remainder`.
    """
    parts = [_headline(plan)]
    if plan.proof is not None:
        parts.append(_together(plan.proof))
    for patch in plan.offered:
        parts.append(f"### {escape(patch.title)}\n\n{patch.rule}, {code(patch.object.canonical)}, {proof_words(patch.proof)}")
        parts[-1] += "".join(f"\n- {escape(note)}" for note in patch.notes)
        parts.append(_sql_block((*patch.up, *(f"-- down: {' '.join(s.split())}" for s in patch.down))))
    parts += [_withheld(patch) for patch in plan.withheld]
    for item in plan.manual_items:
        steps = "".join(f"\n{number}. {escape(step)}" for number, step in enumerate(item.steps, 1))
        parts.append(f"### {item.rule} {code(item.object.canonical)}\n\nFor a person: {escape(item.reason)}.\n{steps}")
    return _bounded(parts, limit, remainder) + "\n"


def plan_json(plan: Plan) -> str:
    """`plan_document` as text; `platformkit apply` reads it."""
    return json.dumps(plan_document(plan), ensure_ascii=False, indent=2) + "\n"


def proof_words(proof: Proof | None) -> str:
    """What became of the proof, in a few words."""
    if proof is None:
        return "unproven: nobody tried"
    held = sum(f.verdict is Verdict.HELD for f in proof.findings)
    if proof.objections and proof.status is not ProofStatus.PROVEN:
        return f"{proof.status.value}: {'; '.join(objection_words(proof))}"
    return f"{proof.status.value}: {held} of 10 obligations hold" + ("" if proof.reversible else ", and there is no exact undo")


def objection_words(proof: Proof | FileProof) -> Iterator[str]:
    """Each obligation that does not hold, with the reason."""
    for finding in proof.objections:
        verb = "failed" if finding.verdict is Verdict.FAILED else "could not be told"
        yield f"obligation {int(finding.obligation)} ({finding.obligation.demand}) {verb}: {finding.detail}"


def _headline(plan: Plan) -> str:
    counts = [f"{len(plan.offered)} patches"]
    if plan.withheld:
        counts.append(f"{len(plan.withheld)} withheld")
    counts.append(f"{len(plan.manual_items)} for a person")
    return f"**{', '.join(counts)}.** Target {escape(plan.target_name)}, base {code(plan.base_fingerprint)}."


def _together(proof: PlanProof) -> str:
    after = "cannot be told" if proof.score_after is None else f"{proof.score_after:g}"
    text = f"All of them together: {escape(proof_words(proof.proof))}. Score {proof.score_before:g} now, {after} afterwards."
    if proof.unfaithful:
        text += f" The shadow could not show {len(proof.unfaithful)} objects as they are:"
        text += "".join(f"\n- {code(name)}: {escape(why)}" for name, why in proof.unfaithful)
    return text


def _withheld(patch: Patch) -> str:
    reasons = "".join(f"\n- {escape(reason)}" for reason in (objection_words(patch.proof) if patch.proof else ()))
    about = f"{patch.rule}, {code(patch.object.canonical)}: the generated SQL was tried and is not offered."
    return f"### Withheld: {escape(patch.title)}\n\n{about}{reasons}\n\n{_sql_block(patch.up)}"


def _sql_block(statements: Iterable[str]) -> str:
    return fenced("\n".join(s if s.startswith("--") else f"{s};" for s in statements), "sql")


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
