"""The JSON document of a scan: version 1 of the contract, described by `schemas/scan-1.schema.json`.

Two scans of the same database by the same rules differ in `scan_id`, `started_at` and `duration_seconds` only.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from platformkit_pipeline import __version__
from platformkit_pipeline.model.identity import identity_document
from platformkit_pipeline.model.result import Outcome, Result, Severity, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.snapshot_inventory import unobserved_to_json
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.model.waiver import Cover

SCHEMA_VERSION = 1
TOOL_NAME = "platformkit"


def scan_document(report: ScanReport) -> dict[str, Any]:
    """The report as JSON values, in the key order of the contract."""
    counts = report.outcome_counts
    findings = report.findings
    severities = Counter(finding.severity for finding in findings)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL_NAME, "version": __version__, "ruleset_digest": report.ruleset_digest},
        "target": {
            "kind": report.target.kind.value,
            "name": report.target.name,
            "environment": report.target.environment.value,
            "server_version": report.server_version,
            **_observed(report),
        },
        "scan": {
            "scan_id": report.scan_id,
            "started_at": utc_text(report.started_at),
            "duration_seconds": round(report.duration_seconds, 3),
            "catalog_fingerprint": report.catalog_fingerprint,
            "unobserved": unobserved_to_json(report.unobserved),
        },
        "score": {"raw": report.score.raw_display, "effective": report.score.effective_display},
        "summary": {
            # What was declared not applicable has not been evaluated.
            "evaluated": sum(counts[outcome] for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN)),
            "pass": counts[Outcome.PASS],
            "fail": counts[Outcome.FAIL],
            "unknown": counts[Outcome.UNKNOWN],
            "by_severity": {severity.value: severities[severity] for severity in Severity},
        },
        "findings": [finding_document(report.target, finding, report.cover_of(finding)) for finding in findings],
    }


def _observed(report: ScanReport) -> dict[str, Any]:
    """What was looked at, where it is no database."""
    match report.target.kind:
        case TargetKind.SUPABASE_PROJECT | TargetKind.CONTROL_PLANE:
            return {}
        case TargetKind.REPOSITORY:
            return {"commit": report.commit, "base": report.base}
        case TargetKind.CONNECTOR:
            return {"connector": report.connector}


def scan_json(report: ScanReport) -> str:
    """`scan_document` as text: UTF-8 characters as they are, two spaces of indentation, one line feed at the end."""
    return json.dumps(scan_document(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. `2026-01-31T02:00:00.125Z`. `moment` must know its time zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def finding_document(target: Target, finding: Result, cover: Cover | None = None) -> dict[str, Any]:
    """One finding, and what excuses it."""
    return {
        "rule": finding.rule,
        "name": finding.name,
        "clause": finding.clause,
        "severity": finding.severity.value,
        "outcome": finding.outcome.value,
        "object": identity_document(finding.object),
        "message": finding.message,
        "evidence": {key: finding.evidence[key] for key in sorted(finding.evidence)},
        "fingerprint": finding_fingerprint(target, finding.rule, finding.object),
        "waiver": cover.to_json() if cover else None,
        "patch": finding.patch.value,
    }
