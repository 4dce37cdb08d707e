"""Reports of migrations: where a finding lies is a line of a file. The same input gives the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from platformkit_pipeline import __version__
from platformkit_pipeline.model.lint import LintDecision, LintReport, is_blind
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.reporting.junit import junit_of
from platformkit_pipeline.reporting.markdown import code, escape
from platformkit_pipeline.reporting.sarif import SCHEMA_URI, described_result, described_rule
from platformkit_pipeline.reporting.scan_document import TOOL_NAME, finding_document
from platformkit_pipeline.rules.registry import Rule

SCHEMA_VERSION = 1
DEFAULT_LIMIT = 200


def sentence(report: LintReport) -> str:
    """The decision in words, with what to do."""
    match report.decision:
        case LintDecision.APPROVED if report.approved_by:
            return f"approved by {report.approved_by}: nothing speaks against the migrations"
        case LintDecision.APPROVED:
            return "approved: nothing speaks against the migrations"
        case LintDecision.NEEDS_APPROVAL:
            return "needs manual approval: the change breaks something; whoever answers for it runs again with --approved-by NAME"
        case LintDecision.REJECTED:
            threshold = report.fail_on.value if report.fail_on else ""
            severe = [f for f in report.findings if f.outcome is Outcome.FAIL and report.fail_on and f.severity.at_least(report.fail_on)]
            return f"rejected: {_number(len(severe), 'finding')} at or above {threshold}"
        case LintDecision.CANNOT_TELL:
            return "cannot tell: something that decides could not be judged, which is no approval"


def file_of(report: LintReport, finding: Result) -> str:
    """Path of the file from where the program was called; that of the folder for what concerns all of it."""
    return (PurePosixPath(report.folder) / finding.object.name).as_posix()


def line_of(finding: Result) -> int:
    return int(finding.evidence.get("line", 1))


def counted(report: LintReport) -> str:
    """How much was judged, in words."""
    what = f"{_number(len(report.judged), 'file')} of {report.files} judged"
    since = f", new or edited since {report.base[:12]}" if report.base else ""
    skipped = f"; {len(report.skipped)} not run by the CLI" if report.skipped else ""
    return f"{what}{since}{skipped}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# -- JSON ------------------------------------------------------------------------------------------------------------------
def lint_json(report: LintReport) -> str:
    """Version 1 of the document: `decision` is one of approved, needs manual approval, rejected, cannot tell."""
    outcomes = Counter[Outcome]()
    for result in report.results:
        outcomes[result.outcome] += result.count
    severities = Counter(finding.severity for finding in report.findings)
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL_NAME, "version": __version__, "ruleset_digest": report.ruleset_digest},
        "decision": report.decision.value,
        "reason": sentence(report),
        "approved_by": report.approved_by,
        "fail_on": report.fail_on.value if report.fail_on else None,
        "target": {"kind": report.target.kind.value, "name": report.target.name},
        "migrations": {
            "folder": report.folder,
            "base": report.base,
            "pg_version": report.server_major,
            "files": report.files,
            "judged": list(report.judged),
            "skipped": [{"path": s.path, "reason": s.reason} for s in report.skipped],
        },
        "rules_left_out": list(report.left_out),
        "summary": {
            "pass": outcomes[Outcome.PASS],
            "fail": outcomes[Outcome.FAIL],
            "unknown": outcomes[Outcome.UNKNOWN],
            "by_severity": {severity.value: severities[severity] for severity in Severity},
        },
        "findings": [
            {**finding_document(report.target, f), "location": {"file": file_of(report, f), "line": line_of(f)}} for f in report.findings
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


# -- SARIF -----------------------------------------------------------------------------------------------------------------
def lint_sarif(report: LintReport, rules: Sequence[Rule]) -> str:
    """One run; each result lies at a line of its file, so that code scanning shows it in the pull request."""
    positions = {rule.code: position for position, rule in enumerate(rules)}
    driver = {
        "name": TOOL_NAME,
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [described_rule(rule) for rule in rules],
        "properties": {"rulesetDigest": report.ruleset_digest},
    }
    blind = [f for f in report.findings if is_blind(f)]
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{TOOL_NAME}/migrations/{quote(report.target.name, safe='')}/"},
        "invocations": [
            {
                "executionSuccessful": not blind,
                "toolExecutionNotifications": [{"level": "warning", "message": {"text": f.message}} for f in blind[:1]],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_located(report, f, described_result(report.target, f, positions)) for f in report.findings],
        "properties": {"decision": report.decision.value, "approvedBy": report.approved_by, "base": report.base},
    }
    return json.dumps({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _located(report: LintReport, finding: Result, described: dict[str, Any]) -> dict[str, Any]:
    region = {"startLine": line_of(finding)}
    if "column" in finding.evidence:
        region["startColumn"] = int(finding.evidence["column"])
    described["locations"][0]["physicalLocation"] = {
        "artifactLocation": {"uri": quote(file_of(report, finding))},
        "region": region,
    }
    return described


# -- JUnit and Markdown ----------------------------------------------------------------------------------------------------
def lint_junit(report: LintReport) -> str:
    return junit_of(report.target.name, report.results)


def lint_markdown(report: LintReport, limit: int = DEFAULT_LIMIT) -> str:
    """For a job summary or a comment on a pull request. At most `limit` findings are listed; what is left out is counted."""
    severities = Counter(finding.severity for finding in report.findings)
    lines = [f"# Migrations of {escape(report.target.name)}: {report.decision.value}", "", f"{escape(sentence(report))}.", ""]
    lines.append(f"{escape(counted(report))}, for PostgreSQL {report.server_major}.")
    if not report.findings:
        lines += ["", "No findings."]
    for severity, group in groupby(report.findings[:limit], key=lambda finding: finding.severity):
        lines += ["", f"## {severity.value.capitalize()} ({severities[severity]})", ""]
        lines += ["| Rule | Where | What is wrong | Clause |", "| --- | --- | --- | --- |"]
        lines += [_row(report, finding) for finding in group]
    if len(report.findings) > limit:
        lines += ["", f"{len(report.findings) - limit} more findings are not listed here."]
    if report.left_out:
        lines += ["", f"Left out of this run: {', '.join(report.left_out)}."]
    return "\n".join(lines) + "\n"


def _row(report: LintReport, finding: Result) -> str:
    unknown = "**cannot tell**: " if finding.outcome is Outcome.UNKNOWN else ""
    where = code(f"{file_of(report, finding)}:{line_of(finding)}")
    return f"| {finding.rule} {finding.name} | {where} | {unknown}{escape(finding.message)} | {finding.clause} |"
