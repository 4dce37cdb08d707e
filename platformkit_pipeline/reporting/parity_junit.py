"""JUnit XML of a parity run: one test suite per contract, one test case per check, and one for the merge gate where it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.merge_decision import MergeDecision
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.reporting.junit import clean, counts_of
from platformkit_pipeline.reporting.scan_document import TOOL_NAME, utc_text


def parity_junit(report: ParityReport, decision: MergeDecision | None = None) -> str:
    """A failing check is a failure, an unknown one an error, one that is waived or not applicable is skipped."""
    gate = [_gate_outcome(decision)] if decision else []
    outcomes = [_outcome(report, r) for r in report.results]
    root = ElementTree.Element("testsuites", {"name": clean(f"{TOOL_NAME} parity {report.target.name}"), **counts_of([*outcomes, *gate])})
    root.set("time", f"{report.duration_seconds:.3f}")
    moment = utc_text(report.started_at).removesuffix("Z")
    for (dimension, contract), group in groupby(report.results, key=lambda r: (r.dimension, r.contract)):
        members = list(group)
        name = f"{dimension.value}/{contract}"
        suite = _suite(root, name, [_outcome(report, r) for r in members], moment)
        for result in members:
            suite.append(_case(report, name, result))
    if decision:
        suite = _suite(root, "merge gate", gate, moment)
        case = ElementTree.SubElement(suite, "testcase", {"classname": clean(f"{report.target.name}.gate"), "name": "merge gate"})
        _tell(case, gate[0], "gate", "; ".join(decision.reasons))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, name: str, outcomes: Sequence[Outcome], moment: str) -> ElementTree.Element:
    return ElementTree.SubElement(root, "testsuite", {"name": clean(name), **counts_of(outcomes), "timestamp": moment})


def _case(report: ParityReport, contract: str, result: CheckResult) -> ElementTree.Element:
    attributes = {"classname": clean(f"{report.target.name}.{contract}"), "name": clean(result.check)}
    case = ElementTree.Element("testcase", {**attributes, "time": f"{result.duration_seconds:.3f}"})
    waived = result.outcome is Outcome.FAIL and result.key in report.waived
    message = f"waived: {result.message}" if waived else result.message
    _tell(case, _outcome(report, result), f"{result.severity.value} contract check", message)
    return case


def _tell(case: ElementTree.Element, outcome: Outcome, kind: str, message: str) -> None:
    element = {Outcome.FAIL: "failure", Outcome.UNKNOWN: "error", Outcome.NOT_APPLICABLE: "skipped"}.get(outcome)
    if element:
        named = {} if element == "skipped" else {"type": kind}
        ElementTree.SubElement(case, element, {**named, "message": clean(message)})


def _outcome(report: ParityReport, result: CheckResult) -> Outcome:
    waived = result.outcome is Outcome.FAIL and result.key in report.waived
    return Outcome.NOT_APPLICABLE if waived else result.outcome


def _gate_outcome(decision: MergeDecision) -> Outcome:
    return {"yes": Outcome.PASS, "no": Outcome.FAIL}.get(decision.verdict, Outcome.UNKNOWN)
