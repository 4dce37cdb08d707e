"""Markdown of a scan, for a job summary or a comment on a pull request."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.reporting.wording import message_beside_object, waived_until

DEFAULT_LIMIT = 200
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")
_ADDRESS = re.compile(r"\b(?:[a-z][a-z0-9+.-]*:(?=//)|www(?=\.))", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def scan_markdown(report: ScanReport, limit: int = DEFAULT_LIMIT) -> str:
    """The report as a document of its own. At most `limit` findings are listed; what is left out is counted."""
    counts = report.outcome_counts
    evaluated = sum(counts[o] for o in (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN))
    severities = Counter(finding.severity for finding in report.findings)
    lines = [
        f"# {escape(report.target.name)}: score {report.score.raw_display:.1f} of 100",
        "",
        f"{report.target.environment.value.capitalize()}, {escape(report.observed_thing)}. "
        f"{evaluated} results: {counts[Outcome.PASS]} pass, {counts[Outcome.FAIL]} fail, {counts[Outcome.UNKNOWN]} unknown.",
    ]
    if report.score.effective != report.score.raw:
        lines += ["", f"With waivers: {report.score.effective_display:.1f}."]
    if not report.findings:
        lines += ["", "No findings."]
    for severity, group in groupby(report.findings[:limit], key=lambda finding: finding.severity):
        lines += ["", f"## {severity.value.capitalize()} ({severities[severity]})", "", *_table(report, list(group))]
    if len(report.findings) > limit:
        lines += ["", f"{len(report.findings) - limit} more findings are not listed here."]
    if report.unobserved:
        lines += ["", "## Not observed", "", *(f"- {code(u.what)}: {escape(u.why)}" for u in report.unobserved)]
    lines += ["", f"Scan {code(report.scan_id)}, catalogue {code(report.catalog_fingerprint)}, rules {code(report.ruleset_digest)}."]
    return "\n".join(lines) + "\n"


def _table(report: ScanReport, findings: list[Result]) -> list[str]:
    rows = (
        f"| {f.rule} | {code(str(f.object))} | {_outcome(f, report.cover_of(f))}{escape(message_beside_object(f))} | {f.clause} |"
        for f in findings
    )
    return ["| Rule | Object | What is wrong | Clause |", "| --- | --- | --- | --- |", *rows]


def _outcome(finding: Result, cover: Cover | None) -> str:
    if cover is not None:
        return f"**{waived_until(cover)}**: "
    return "**cannot tell**: " if finding.outcome is Outcome.UNKNOWN else ""


def escape(text: str) -> str:
    """One line of text with nothing in it that Markdown, HTML or a mention of a user would act on."""
    flat = _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", text))
    return _SPECIAL.sub(r"\\\1", flat).replace("@", "@\u200b")


def escape_unlinked(text: str) -> str:
    """As `escape`; addresses do not become links either. For text that whoever proposes a change has written."""
    return _ADDRESS.sub(lambda found: found[0] + "\u200b", escape(text))


def code(text: str) -> str:
    """A code span, also inside a table, whatever backticks and bars the text has."""
    flat = _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", text)).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {flat} {fence}" if longest else f"`{flat}`"


def fenced(text: str, language: str) -> str:
    """A code block, whatever backticks the text has."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
