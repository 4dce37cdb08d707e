"""Recomputed gate decisions as lines and as JSON values. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.cli.scan_table import printable
from platformkit_pipeline.operations.verify_decisions import Verification, VerifiedDecision


def decisions_lines(found: Verification) -> Iterator[str]:
    """One line for each that is not the same again, then the numbers."""
    for one in found.listed:
        decision = one.decision
        named = f"{decision.decided_at:%Y-%m-%d %H:%M} UTC  {decision.gate} of {decision.target.name}  {decision.decision_id}"
        yield printable(f"{one.outcome.value}  {named}  {one.why}")
    numbers = f"{found.same} same, {len(found.different)} different, {len(found.not_recomputable)} not recomputable"
    yield f"{'as stored' if found.ok else 'NOT AS STORED'}: {numbers}"


def decisions_json(found: Verification) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "same": found.same,
        "different": [_document(one) for one in found.different],
        "not_recomputable": [_document(one) for one in found.not_recomputable],
    }


def _document(one: VerifiedDecision) -> dict[str, Any]:
    decision = one.decision
    return {
        "decision_id": decision.decision_id,
        "gate": decision.gate,
        "target": {"kind": decision.target.kind.value, "name": decision.target.name},
        "decided_at": decision.decided_at.isoformat(),
        "verdict": decision.verdict,
        "why": one.why,
    }
