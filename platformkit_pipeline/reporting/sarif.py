"""SARIF 2.1.0 of a scan, for code scanning and for any viewer of that format.

Where a finding lies: catalogue objects are named by a logical location, which says it all. Code scanning on GitHub,
however, refuses a whole file when one result lacks a physical location, and accepts only paths inside the repository
there. Each result therefore also carries the path `database/<target>/<schema>/<object>`: no file of that name exists,
but it is stable, so that an alert is recognised again, and readable in a list of alerts.

Only findings are written: FAIL as `kind: fail`, UNKNOWN as `kind: review` with the level `none` that the standard asks
for. They come sorted by severity, so that a viewer's limit on the number of results cuts the least severe.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from platformkit_pipeline import __version__
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, Result, Severity, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.reporting.example_languages import EXAMPLE_LANGUAGES
from platformkit_pipeline.reporting.scan_document import TOOL_NAME, utc_text
from platformkit_pipeline.reporting.wording import why_waived
from platformkit_pipeline.rules.registry import Rule

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT_KEY = "platformkitFinding/v1"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "warning", Severity.INFO: "note"}
# Middle of the bands that viewers show as critical, high, medium and low.
_SECURITY_SEVERITY = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}


def sarif_document(report: ScanReport, rules: Sequence[Rule]) -> dict[str, Any]:
    """The report as one SARIF run. `rules` are those that were applied, whether or not they found anything."""
    positions = {rule.code: position for position, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": TOOL_NAME,
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [described_rule(rule) for rule in rules],
                        "properties": {"rulesetDigest": report.ruleset_digest},
                    }
                },
                "automationDetails": {"id": f"{TOOL_NAME}/{report.target.kind.value}/{_segment(report.target.name)}/"},
                "invocations": [_invocation(report)],
                "columnKind": "unicodeCodePoints",
                "results": [described_result(report.target, finding, positions, report.cover_of(finding)) for finding in report.findings],
                "properties": {
                    "scanId": report.scan_id,
                    "environment": report.target.environment.value,
                    **_observed(report),
                    "catalogFingerprint": report.catalog_fingerprint,
                    "score": {"raw": report.score.raw_display, "effective": report.score.effective_display},
                },
            }
        ],
    }


def _observed(report: ScanReport) -> dict[str, Any]:
    if report.target.kind is TargetKind.CONNECTOR:
        return {"connector": report.connector}
    return {"serverVersion": report.server_version} if report.server_version else {"commit": report.commit}


def sarif_json(report: ScanReport, rules: Sequence[Rule]) -> str:
    return json.dumps(sarif_document(report, rules), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def described_rule(rule: Rule) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "tags": ["security", rule.family.value, f"clause-{rule.clause}"],
        "precision": "very-high",
        "clause": rule.clause,
        "references": list(rule.references),
    }
    if rule.severity in _SECURITY_SEVERITY:
        properties["security-severity"] = _SECURITY_SEVERITY[rule.severity]
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": _help_text(rule), "markdown": _help_markdown(rule)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": properties,
    }


def _help_text(rule: Rule) -> str:
    return f"{rule.why}\n\nHow to fix: {rule.how_to_fix}\n\nClause {rule.clause}. Refused:\n{rule.violating}\n\nAccepted:\n{rule.clean}"


def _help_markdown(rule: Rule) -> str:
    parts = [rule.why, f"**How to fix.** {rule.how_to_fix}", f"Clause {rule.clause} of the constitution."]
    language = EXAMPLE_LANGUAGES.get(rule.source, "sql")
    parts += [f"Refused:\n\n```{language}\n{rule.violating}\n```", f"Accepted:\n\n```{language}\n{rule.clean}\n```"]
    if rule.references:
        parts.append("References: " + ", ".join(f"`{reference}`" for reference in rule.references))
    return "\n\n".join(parts)


def _invocation(report: ScanReport) -> dict[str, Any]:
    return {
        "executionSuccessful": True,
        "startTimeUtc": utc_text(report.started_at),
        "endTimeUtc": utc_text(report.started_at + timedelta(seconds=report.duration_seconds)),
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": f"Not observed: {u.what}: {u.why}"}} for u in report.unobserved
        ],
    }


def described_result(target: Target, finding: Result, positions: dict[str, int], cover: Cover | None = None) -> dict[str, Any]:
    """One finding; what excuses it is a suppression that was granted elsewhere."""
    failed = finding.outcome is Outcome.FAIL
    return {
        "ruleId": finding.rule,
        "ruleIndex": positions[finding.rule],
        "kind": "fail" if failed else "review",
        "level": _LEVELS[finding.severity] if failed else "none",
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": _physical_location(target, finding),
                "logicalLocations": [_logical_location(finding.object)],
            }
        ],
        "partialFingerprints": {FINGERPRINT_KEY: finding_fingerprint(target, finding.rule, finding.object)},
        **({"suppressions": [{"kind": "external", "status": "accepted", "justification": why_waived(cover)}]} if cover else {}),
        "properties": {
            "clause": finding.clause,
            "severity": finding.severity.value,
            "outcome": finding.outcome.value,
            "patch": finding.patch.value,
            "evidence": {key: finding.evidence[key] for key in sorted(finding.evidence)},
        },
    }


def _physical_location(target: Target, finding: Result) -> dict[str, Any]:
    """A file of the repository with its line, where the finding is about one."""
    if finding.object.kind != "file":
        return {"artifactLocation": {"uri": virtual_path(target, finding.object)}, "region": {"startLine": 1}}
    uri = "/".join(_segment(part) for part in finding.object.name.split("/"))
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": max(1, int(finding.evidence.get("line", 1)))}}


def _logical_location(identity: ObjectIdentity) -> dict[str, Any]:
    members = [value for key, value in identity.detail if key != "arguments"]
    return {"name": members[-1] if members else identity.name, "fullyQualifiedName": str(identity), "kind": identity.kind}


def virtual_path(target: Target, identity: ObjectIdentity) -> str:
    """Relative URI that stands for an object where a viewer insists on a file."""
    if target.kind is TargetKind.CONNECTOR:
        parts = ("connector", target.name, identity.kind, *(value for _, value in identity.detail))
    else:
        parts = ("database", target.name, identity.schema or identity.kind, identity.name)
    return "/".join(_segment(part) for part in parts)


def _segment(name: str) -> str:
    # `.` and `..` would walk through folders, and an empty segment would vanish, when a viewer normalises the path.
    return quote(name, safe="") if name.strip(".") else "_" * max(len(name), 1)
