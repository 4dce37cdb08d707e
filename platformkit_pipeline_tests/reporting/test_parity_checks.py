from __future__ import annotations

import re

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.reporting.parity_checks import LONGEST_TEXT, check_name, shown_checks


def _result(check: str, severity: Severity = Severity.HIGH, outcome: Outcome = Outcome.FAIL, **more: object) -> CheckResult:
    return CheckResult(Dimension.DATA, "billing", check, severity, outcome, "too many", more)


def test_names_are_such_that_dagster_takes_them_and_differ_when_the_checks_do() -> None:
    results = [_result(check) for check in ("a.b/exists", "a_b/exists", "a.b/index(x,y)", "a.b/index(x.y)", "é" * 300, "x" * 300)]
    names = [check_name(result) for result in results]
    assert len(set(names)) == len(results)
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,120}", name) for name in names)
    assert names[0].startswith("billing__a_b_exists_")
    assert [check_name(result) for result in reversed(results)] == names[::-1]


def test_what_could_not_be_tried_has_not_passed() -> None:
    shown = [
        (s.passed, s.severity)
        for s in shown_checks(
            [
                _result("a", outcome=Outcome.PASS),
                _result("b", Severity.CRITICAL),
                _result("c", Severity.MEDIUM),
                _result("d", outcome=Outcome.UNKNOWN),
                _result("e", outcome=Outcome.NOT_APPLICABLE),
            ]
        )
    ]
    assert shown == [(True, "ERROR"), (False, "ERROR"), (False, "WARN"), (False, "ERROR"), (True, "ERROR")]


def test_evidence_becomes_metadata_of_bounded_length() -> None:
    (shown,) = shown_checks([_result("a", sample=[1, {"b": "c"}], figure=3, part=0.5, on=True, text="x" * 9999, nothing=None)])
    assert shown.description == "too many"
    assert {k.removeprefix("evidence_"): v for k, v in shown.metadata.items() if k.startswith("evidence_") and k != "evidence_text"} == {
        "sample": '[1, {"b": "c"}]',
        "figure": 3,
        "part": 0.5,
        "on": True,
    }
    assert len(str(shown.metadata["evidence_text"])) == LONGEST_TEXT
    assert (shown.metadata["contract"], shown.metadata["check"], shown.metadata["outcome"]) == ("billing", "a", "FAIL")
