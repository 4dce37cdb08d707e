"""SARIF 2.1.0 of a replay and its comparison: a failing file at its line, an object that differs as in the SARIF of a scan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from platformkit_pipeline import __version__
from platformkit_pipeline.model.migration_history import DriftReport
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.reporting.sarif import SCHEMA_URI, described_result, described_rule
from platformkit_pipeline.reporting.scan_document import TOOL_NAME
from platformkit_pipeline.rules.registry import Rule


def drift_sarif(report: DriftReport, rules: Sequence[Rule]) -> str:
    """One run, without times: the same input gives the same bytes."""
    positions = {rule.code: position for position, rule in enumerate(rules)}
    driver = {
        "name": TOOL_NAME,
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [described_rule(rule) for rule in rules],
        "properties": {"rulesetDigest": report.ruleset_digest},
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{TOOL_NAME}/drift/{quote(report.target.name, safe='')}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_located(report, finding, described_result(report.target, finding, positions)) for finding in report.findings],
    }
    return json.dumps({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _located(report: DriftReport, finding: Result, described: dict[str, Any]) -> dict[str, Any]:
    if finding.object.kind == "migration":
        path = PurePath(report.history.folder) / finding.object.name
        described["locations"][0]["physicalLocation"] = {
            "artifactLocation": {"uri": quote(path.as_posix())},
            "region": {"startLine": finding.evidence.get("line", 1)},
        }
    return described
