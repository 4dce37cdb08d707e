"""JUnit XML of a scan: one test suite per rule, one test case per object that does not pass, and one for all that do.

A failing result is a failure, an unknown one an error; one that is declared not applicable, or is waived today, is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from xml.etree import ElementTree

from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.reporting.scan_document import TOOL_NAME, utc_text
from platformkit_pipeline.reporting.wording import why_waived

# Everything that XML 1.0 cannot carry, not even as a character reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: ScanReport) -> str:
    """The report as an XML document with declaration, sorted by rule and then by object."""
    return junit_of(
        report.target.name,
        report.results,
        seconds=f"{report.duration_seconds:.3f}",
        moment=utc_text(report.started_at).removesuffix("Z"),
        cover_of=report.cover_of,
    )


def junit_of(
    target_name: str,
    results: Sequence[Result],
    *,
    seconds: str | None = None,
    moment: str | None = None,
    cover_of: Callable[[Result], Cover | None] = lambda _: None,
) -> str:
    """Results as such a document; without times where they would make the same input give other bytes."""

    def shown(result: Result) -> Outcome:
        return Outcome.NOT_APPLICABLE if cover_of(result) else result.outcome

    root = ElementTree.Element("testsuites", {"name": clean(f"{TOOL_NAME} {target_name}"), **counts_of([shown(r) for r in results])})
    if seconds is not None:
        root.set("time", seconds)
    by_rule = sorted(results, key=lambda result: (result.rule, result.sort_key))
    for code, group in groupby(by_rule, key=lambda result: result.rule):
        members = list(group)
        suite = ElementTree.SubElement(
            root, "testsuite", {"name": clean(f"{code} {members[0].name}"), **counts_of([shown(r) for r in members])}
        )
        if moment is not None:
            suite.set("timestamp", moment)
        for result in members:
            suite.append(_case(target_name, result, cover_of(result)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def counts_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The attributes of a suite."""
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count(Outcome.FAIL)),
        "errors": str(outcomes.count(Outcome.UNKNOWN)),
        "skipped": str(outcomes.count(Outcome.NOT_APPLICABLE)),
    }


def _case(target_name: str, result: Result, cover: Cover | None) -> ElementTree.Element:
    name = f"passing objects: {result.count}" if result.outcome is Outcome.PASS else result.object.canonical
    case = ElementTree.Element("testcase", {"classname": clean(f"{target_name}.{result.rule}"), "name": clean(name)})
    summary = {"type": f"{result.severity.value} {result.name}", "message": clean(result.message)}
    match result.outcome:
        case Outcome.FAIL if cover is not None:
            ElementTree.SubElement(case, "skipped", {"message": clean(f"{why_waived(cover)} ({result.message})")})
        case Outcome.FAIL:
            ElementTree.SubElement(case, "failure", summary).text = clean(_body(result))
        case Outcome.UNKNOWN:
            ElementTree.SubElement(case, "error", summary).text = clean(_body(result))
        case Outcome.NOT_APPLICABLE:
            ElementTree.SubElement(case, "skipped", {"message": clean(result.message)})
    return case


def _body(result: Result) -> str:
    return f"{result.rule} {result.name} ({result.severity.value}, clause {result.clause})\n{result.object.canonical}: {result.message}"


def clean(text: str) -> str:
    """`text` without what XML cannot carry."""
    return _NOT_XML.sub("\ufffd", text)
