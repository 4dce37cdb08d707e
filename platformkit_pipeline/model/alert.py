"""What people are told without asking (clauses 4.2, 10.2): one message when something begins, one when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Target


class AlertKind(StrEnum):
    """Column `kind` of `ops.alerts`; events are called `<kind>` with `.settled` behind it when it is over."""

    FINDING_CRITICAL = "finding.critical"
    SCAN_FAILED = "scan.failed"
    RUN_FAILED = "run.failed"
    TARGET_STALE = "target.stale"
    PARITY_REGRESSED = "parity.regressed"
    WAIVER_EXPIRES = "waiver.expires"
    WAIVER_LAPSED = "waiver.lapsed"
    EXCEPTION_EXPIRES = "exception.expires"
    EXCEPTION_LAPSED = "exception.lapsed"
    AUDIT_BROKEN = "audit.broken"
    GATE_OVERRIDDEN = "gate.overridden"
    REVIEW_DUE = "review.due"
    AMENDMENT_ACCEPTED = "amendment.accepted"
    AMENDMENT_DUE = "amendment.due"
    README_DRIFT = "readme.drift"


@dataclass(frozen=True, slots=True)
class Alert:
    """`subject` is stable from night to night, and names one thing within kind and target: a fingerprint, the id of a waiver.

    `payload` holds JSON values only and never a secret; `target` is None for what concerns the platform as a whole.
    """

    kind: AlertKind
    subject: str
    severity: Severity
    headline: str
    target: Target | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    lasting: bool = True
    """It goes on until somebody settles it. What merely happened is over at once, and is told once for its subject."""
    scan_id: str | None = None
    run_id: str | None = None
