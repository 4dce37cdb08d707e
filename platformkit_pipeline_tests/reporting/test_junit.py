from __future__ import annotations

from xml.etree import ElementTree

from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.reporting.junit import junit_xml
from platformkit_pipeline_tests.reporting.scan_reports import mixed_report, report, result


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())  # noqa: S314 - our own document


def test_every_judged_object_is_a_test_case_in_the_suite_of_its_rule() -> None:
    root = parsed(junit_xml(report(result(), result("AUD001", Outcome.PASS), result(identity=relation_identity("table", "public", "b")))))
    assert [(suite.get("name"), len(suite)) for suite in root] == [("AUD001 timestamps-missing", 1), ("RLS001 rls-disabled", 2)]


def test_outcomes_become_failure_error_skipped_and_nothing() -> None:
    outcomes = {"AUD001": Outcome.PASS, "RLS001": Outcome.FAIL, "TEN001": Outcome.NOT_APPLICABLE, "TEN003": Outcome.UNKNOWN}
    root = parsed(junit_xml(report(*(result(code, outcome) for code, outcome in outcomes.items()))))
    assert [[child.tag for child in case] for case in root.iter("testcase")] == [[], ["failure"], ["skipped"], ["error"]]


def test_the_counts_agree_with_the_cases() -> None:
    root = parsed(junit_xml(mixed_report()))
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": str(len(list(root.iter("testcase")))),
        "failures": str(len(list(root.iter("failure")))),
        "errors": str(len(list(root.iter("error")))),
        "skipped": str(len(list(root.iter("skipped")))),
    }


def test_characters_that_xml_cannot_carry_are_replaced() -> None:
    text = junit_xml(report(result(identity=relation_identity("table", "public", "a\x00\x1b\ufffe&<b>"), message="\x07")))
    (case,) = parsed(text).iter("testcase")
    assert case.get("name") == 'table public."a\ufffd\ufffd\ufffd&<b>"'


def test_a_report_without_results_is_a_document_all_the_same() -> None:
    assert parsed(junit_xml(report())).get("tests") == "0"
