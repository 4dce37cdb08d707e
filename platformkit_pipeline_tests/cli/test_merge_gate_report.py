"""The answer of the merge gate in words, and which options it takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from platformkit_pipeline.cli.gate_report import rendered
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.merge_decision import merge_decision_from_json
from platformkit_pipeline.model.parity import ParityReport, parity_score
from platformkit_pipeline.model.parity_gate import Base
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.decide_merge_gate import decided
from platformkit_pipeline.operations.gate_client import CheckVerdict, GateAnswer
from platformkit_pipeline_tests.cli.conftest import Program

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WEIGHTS = {Dimension.DATA: 30, Dimension.API: 30}


def _check(name: str, outcome: Outcome, dimension: Dimension = Dimension.DATA, message: str = "") -> CheckResult:
    return CheckResult(dimension, "orders", name, Severity.HIGH, outcome, message)


def _answer(*head: CheckResult, base: tuple[CheckResult, ...]) -> GateAnswer:
    declared = tuple(d for d in Dimension if any(r.dimension is d for r in head))
    report = ParityReport(
        "00000000-0000-0000-0000-000000000001",
        Target(TargetKind.SUPABASE_PROJECT, "shop"),
        NOW,
        1.0,
        "digest",
        declared,
        WEIGHTS,
        head,
        parity_score(head, declared, WEIGHTS),
        commit="a" * 40,
    )
    checks = (CheckVerdict("parity/data_contracts", "verdict", passed=False, severity="WARN", description="1 check fails."),)
    return GateAnswer(decided(report, Base("base", base), None, NOW, max_drop_percent=Fraction(5)), "run", "http://d/runs/run", checks)


LOST = _answer(
    _check("total", Outcome.FAIL, message="the total | of an order\n::error::is null"),
    _check("known", Outcome.FAIL, message="as before, see https://www.example.com/login"),
    _check("get", Outcome.PASS, Dimension.API),
    base=(
        _check("total", Outcome.PASS),
        _check("known", Outcome.FAIL),
        _check("get", Outcome.PASS, Dimension.API),
        _check("gone", Outcome.FAIL, Dimension.API),
    ),
)


def test_markdown_shows_head_beside_base_what_is_new_and_what_was_removed() -> None:
    text = rendered(LOST, "markdown")
    assert text.startswith("# NO: shop must not be merged (commit aaaaaaaaaaaa)\n")
    assert "| data | 30 | 50.0 | 0.0 | 0 pass, 2 fail, 0 unknown |" in text
    assert "| api | 30 | 100.0 | 100.0 | 1 pass, 0 fail, 0 unknown |" in text
    assert "| **parity** | | **75.0** | **50.0** |" in text
    new, others = text.index("## New: passed at the base (1)"), text.index("## Other checks that do not pass (1)")
    assert new < text.index("| `data/orders/total` | high | the total \\| of an order ::error::is null |") < others
    assert "| `api/orders/gone` | high | FAIL |" in text
    assert "https://" not in text, "what whoever proposes the change has written becomes no link"
    assert text.endswith("[Run](http://d/runs/run)\n")


def test_text_says_no_first_and_names_what_is_new() -> None:
    lines = rendered(LOST, "text").splitlines()
    assert lines[0] == "NO: shop must not be merged (commit aaaaaaaaaaaa)"
    assert "  high      data/orders/total, passed at the base" in lines
    assert "            the total | of an order\\n::error::is null" in lines
    assert lines[-1] == "Parity 50.0, base 75.0. Run http://d/runs/run"


def test_json_holds_the_decision_that_can_be_read_back() -> None:
    document = json.loads(rendered(LOST, "json"))
    assert document["decision"]["gate"] == "merge"
    assert merge_decision_from_json(document["decision"]).verdict == "no"


def test_a_change_that_takes_nothing_away_may_be_merged() -> None:
    answer = _answer(_check("total", Outcome.PASS), base=(_check("total", Outcome.PASS),))
    assert rendered(answer, "text").startswith(
        "YES: shop may be merged (commit aaaaaaaaaaaa)\n  the score 100 is not lower than the base's 100\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--base-run", "latest"), "the deploy gate cannot be combined with --base-run"),
        (("--gate", "merge", "--kind", "connector"), "the merge gate decides on projects"),
        (
            ("--gate", "merge", "--kind", "repository", "--base-run", "latest"),
            "the merge gate of a repository cannot be combined with --base-run",
        ),
        (("--gate", "merge", "--commit", "abc123"), "must be given in full"),
    ],
)
def test_options_that_make_no_sense_together_launch_nothing(program: Program, options: tuple[str, ...], said: str) -> None:
    ran = program("gate", "--url", "http://127.0.0.1:9", "--target", "shop", *options)
    assert ran.code == 2
    assert said in ran.stderr
