"""May this target be deployed to? The deploy gate (clause 4.2), answered from what is stored in `ops`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from platformkit_pipeline.control_plane import findings, scans
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.scan import STALE_AFTER
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.stored_snapshot import target_id_of


@dataclass(frozen=True, slots=True)
class _Consequence:
    """What a violation has for targets of one kind (clause 12)."""

    gate: str
    blocking: tuple[Severity, ...]
    refusal: str = ""
    """Said first where the answer is no."""

    @property
    def severities(self) -> str:
        return " or ".join(severity.value for severity in self.blocking)


_DEPLOYMENT = _Consequence("deploy", (Severity.CRITICAL,))
_CONSEQUENCES = {
    TargetKind.CONNECTOR: _Consequence("registration", (Severity.CRITICAL, Severity.HIGH), "registration is blocked (clause 12)"),
}
"""A connector is registered when it is complete and passes; everything else may be deployed with less."""


@dataclass(frozen=True, slots=True)
class BlockingFinding:
    rule: str
    name: str
    outcome: str
    object: str
    message: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class GateDecision:
    """`verdict` is yes, no, or unknown (the target was never scanned to the end, so there is nothing to decide on)."""

    gate: str
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


def decide_deploy_gate(connection: Connection, target: Target, *, now: datetime) -> GateDecision:
    """No on any open critical finding, on one that could not be judged, and on a stale scan; for a connector, whose registration
    is decided on, on high ones as well. Raises ControlPlaneError.
    """
    consequence = _CONSEQUENCES.get(target.kind, _DEPLOYMENT)
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        scan = scans.latest(connection, target_id)
        severe = [f for f in findings.open_findings(connection, target_id) if f.result.severity in consequence.blocking]
    failing = [f for f in severe if f.result.outcome is Outcome.FAIL]
    blind = [f for f in severe if f.result.outcome is Outcome.UNKNOWN]
    stale = scan is None or now - scan.started_at > STALE_AFTER
    verdict = "unknown" if scan is None else "no" if severe or stale else "yes"
    reasons = [
        *([consequence.refusal] if consequence.refusal and verdict == "no" else []),
        *([f"open {consequence.severities} findings: {len(failing)}"] if failing else []),
        *([f"objects that a {consequence.severities} rule could not judge: {len(blind)}"] if blind else []),
        *(["the target has no complete scan"] if scan is None else []),
        *([f"the last complete scan started at {scan.started_at:%Y-%m-%d %H:%M} UTC, more than 26 hours ago"] if scan and stale else []),
    ]
    return GateDecision(
        gate=consequence.gate,
        target=target.name,
        verdict=verdict,
        reasons=tuple(reasons) or (f"no {consequence.severities} finding is open",),
        blocking=tuple(
            BlockingFinding(f.result.rule, f.result.name, f.result.outcome.value, str(f.result.object), f.result.message, f.fingerprint)
            for f in (*failing, *blind)
        ),
        scan_id=scan.scan_id if scan else None,
        catalog_fingerprint=scan.catalog_fingerprint if scan else None,
        ruleset_digest=scan.ruleset_digest if scan else None,
        raw_score=scan.score.raw_display if scan and scan.score else None,
        effective_score=scan.score.effective_display if scan and scan.score else None,
        decided_at=now.isoformat(timespec="seconds"),
        commit=scan.commit if scan else None,
    )


def decision_to_json(decision: GateDecision) -> dict[str, Any]:
    """JSON form, as it stands in Dagster's metadata."""
    value = asdict(decision)
    return {**value, "reasons": list(value["reasons"]), "blocking": list(value["blocking"])}


def decision_from_json(value: Mapping[str, Any]) -> GateDecision:
    """Inverse of `decision_to_json`. Raises KeyError or TypeError for another document."""
    blocking = tuple(BlockingFinding(**entry) for entry in value["blocking"])
    return GateDecision(**{**value, "reasons": tuple(value["reasons"]), "blocking": blocking})
