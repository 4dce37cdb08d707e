"""The answer of a gate about one scan as a record: what people and pipelines read of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BlockingFinding:
    """`category` and `consequence` are those of clause 12; empty in documents of before them, and for a rule that left the book."""

    rule: str
    name: str
    outcome: str
    object: str
    message: str
    fingerprint: str
    severity: str = ""
    category: str = ""
    consequence: str = ""


@dataclass(frozen=True, slots=True)
class CoveredBy:
    """A FAIL that does not count today. `cover_id` is that of a waiver, or the path of an exception; `last_day` a day in UTC, included."""

    fingerprint: str
    severity: str
    kind: str
    cover_id: str
    last_day: str


@dataclass(frozen=True, slots=True)
class GateDecision:
    """`verdict` is yes, no, or unknown (the target was never scanned to the end, so there is nothing to decide on)."""

    gate: str
    """deploy, registration (of a connector), or merge (of a repository's commit)."""
    target: str
    verdict: str
    reasons: tuple[str, ...]
    blocking: tuple[BlockingFinding, ...]
    scan_id: str | None
    catalog_fingerprint: str | None
    ruleset_digest: str | None
    raw_score: float | None
    effective_score: float | None
    decided_at: str
    commit: str | None = None
    """What was observed of a repository: the decision is about this commit and no other."""
    kind: str = ""
    """Of the target; empty in documents of before it."""
    decision_id: str | None = None
    """Row of `ops.gate_decisions`."""
    judged: str | None = None
    """The verdict without an override; differs from `verdict` where two people let the target through."""
    override_id: str | None = None
    covers: tuple[CoveredBy, ...] = ()

    @property
    def overridden(self) -> bool:
        return self.override_id is not None


def decision_to_json(decision: GateDecision) -> dict[str, Any]:
    """JSON form, as it stands in Dagster's metadata."""
    value = asdict(decision)
    return {**value, "reasons": list(value["reasons"]), "blocking": list(value["blocking"]), "covers": list(value["covers"])}


def decision_from_json(value: Mapping[str, Any]) -> GateDecision:
    """Inverse of `decision_to_json`, also for documents that name no consequences yet. Raises KeyError or TypeError for others."""
    blocking = tuple(BlockingFinding(**entry) for entry in value["blocking"])
    covers = tuple(CoveredBy(**entry) for entry in value.get("covers", ()))
    return GateDecision(**{**value, "reasons": tuple(value["reasons"]), "blocking": blocking, "covers": covers})
