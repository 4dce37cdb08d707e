"""Everything that an answer of a gate about one scan rests on, and its JSON form in `ops.gate_decisions` (clauses 4.2, 11.1).

Who has these inputs decides as the gate did; nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from platformkit_pipeline.model.consequence import Category
from platformkit_pipeline.model.gate_override import GateOverride
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.waiver import CoverKind

VERSION = 1
"""Of the JSON form, and of how it is judged."""
DEPLOY, REGISTRATION, MERGE = "deploy", "registration", "merge"

Counts = Mapping[Outcome, Mapping[Severity, int]]
"""How many results of the scan had which outcome at which severity."""


@dataclass(frozen=True, slots=True)
class SevereFinding:
    """An open finding that may block. `category` is None where its rule has left the book."""

    fingerprint: str
    rule: str
    severity: Severity
    outcome: Outcome
    category: Category | None


@dataclass(frozen=True, slots=True)
class CoveredFinding:
    """An open finding of any severity that something excuses, until `last_day` (UTC, included)."""

    fingerprint: str
    severity: Severity
    outcome: Outcome
    kind: CoverKind
    cover_id: str
    last_day: date


@dataclass(frozen=True, slots=True)
class ScanInputs:
    """The last complete scan of the target. `raw` and `effective` are its scores when it was judged, as exact fractions."""

    scan_id: str
    started_at: datetime
    catalog_fingerprint: str
    ruleset_digest: str | None
    commit: str | None
    counts: Counts
    raw: str | None = None
    effective: str | None = None


@dataclass(frozen=True, slots=True)
class GateInputs:
    """`failed_at` is when an attempt to scan last failed, where that is known and no complete scan came after it."""

    gate: str
    target_kind: str
    target: str
    environment: str
    decided_at: datetime
    blocking: tuple[Severity, ...]
    stale_after: timedelta
    scan: ScanInputs | None
    findings: tuple[SevereFinding, ...] = ()
    covers: tuple[CoveredFinding, ...] = ()
    failed_at: datetime | None = None
    override: GateOverride | None = None


def inputs_to_json(inputs: GateInputs) -> dict[str, Any]:
    """Canonical: the same inputs give the same document, whatever order they came in."""
    scan = inputs.scan
    return {
        "version": VERSION,
        "gate": inputs.gate,
        "target": {"kind": inputs.target_kind, "name": inputs.target, "environment": inputs.environment},
        "decided_at": inputs.decided_at.isoformat(),
        "blocking": [severity.value for severity in sorted(inputs.blocking, key=lambda s: s.rank)],
        "stale_after_seconds": int(inputs.stale_after.total_seconds()),
        "scan": {
            "scan_id": scan.scan_id,
            "started_at": scan.started_at.isoformat(),
            "catalog_fingerprint": scan.catalog_fingerprint,
            "ruleset_digest": scan.ruleset_digest,
            "commit": scan.commit,
            "counts": {o.value: {s.value: scan.counts[o][s] for s in Severity if s in scan.counts[o]} for o in Outcome if o in scan.counts},
            "raw_exact": scan.raw,
            "effective_exact": scan.effective,
        }
        if scan
        else None,
        "findings": [_finding_to_json(finding) for finding in sorted(inputs.findings, key=lambda f: f.fingerprint)],
        "covers": [_cover_to_json(cover) for cover in sorted(inputs.covers, key=lambda c: (c.fingerprint, c.last_day, c.cover_id))],
        "failed_at": inputs.failed_at.isoformat() if inputs.failed_at else None,
        "override": _override_to_json(inputs.override) if inputs.override else None,
    }


def inputs_from_json(value: Mapping[str, Any]) -> GateInputs:
    """Inverse of `inputs_to_json`. Raises KeyError, TypeError or ValueError for another document."""
    if value["version"] != VERSION:
        raise ValueError(f"inputs of version {value['version']}, known is {VERSION}")
    scan, target, override = value["scan"], value["target"], value["override"]
    return GateInputs(
        gate=value["gate"],
        target_kind=target["kind"],
        target=target["name"],
        environment=target["environment"],
        decided_at=datetime.fromisoformat(value["decided_at"]),
        blocking=tuple(map(Severity, value["blocking"])),
        stale_after=timedelta(seconds=value["stale_after_seconds"]),
        scan=ScanInputs(
            scan_id=scan["scan_id"],
            started_at=datetime.fromisoformat(scan["started_at"]),
            catalog_fingerprint=scan["catalog_fingerprint"],
            ruleset_digest=scan["ruleset_digest"],
            commit=scan["commit"],
            counts={Outcome(o): {Severity(s): n for s, n in by.items()} for o, by in scan["counts"].items()},
            raw=scan["raw_exact"],
            effective=scan["effective_exact"],
        )
        if scan
        else None,
        findings=tuple(map(_finding_from_json, value["findings"])),
        covers=tuple(map(_cover_from_json, value["covers"])),
        failed_at=datetime.fromisoformat(value["failed_at"]) if value["failed_at"] else None,
        override=_override_from_json(override) if override else None,
    )


def _finding_to_json(finding: SevereFinding) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "outcome": finding.outcome.value,
        "category": finding.category.value if finding.category else None,
    }


def _finding_from_json(value: Mapping[str, Any]) -> SevereFinding:
    category = Category(value["category"]) if value["category"] else None
    return SevereFinding(value["fingerprint"], value["rule"], Severity(value["severity"]), Outcome(value["outcome"]), category)


def _cover_to_json(cover: CoveredFinding) -> dict[str, Any]:
    return {
        "fingerprint": cover.fingerprint,
        "severity": cover.severity.value,
        "outcome": cover.outcome.value,
        "kind": cover.kind.value,
        "id": cover.cover_id,
        "last_day": cover.last_day.isoformat(),
    }


def _cover_from_json(value: Mapping[str, Any]) -> CoveredFinding:
    severity, outcome = Severity(value["severity"]), Outcome(value["outcome"])
    last_day = date.fromisoformat(value["last_day"])
    return CoveredFinding(value["fingerprint"], severity, outcome, CoverKind(value["kind"]), value["id"], last_day)


def _override_to_json(override: GateOverride) -> dict[str, Any]:
    """Without its end by hand: what is ended is not in force, and so no input."""
    return {
        "id": override.override_id,
        "gate": override.gate,
        "reason": override.reason,
        "requested_by": override.requested_by,
        "approved_by": override.approved_by,
        "starts_at": override.starts_at.isoformat(),
        "ends_at": override.ends_at.isoformat(),
    }


def _override_from_json(value: Mapping[str, Any]) -> GateOverride:
    starts, ends = datetime.fromisoformat(value["starts_at"]), datetime.fromisoformat(value["ends_at"])
    return GateOverride(value["id"], value["gate"], value["reason"], value["requested_by"], value["approved_by"], starts, ends)
