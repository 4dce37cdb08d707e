"""The answer of the gate in words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from platformkit_pipeline.cli.gate_report import rendered
from platformkit_pipeline.operations.decide_gate import BlockingFinding, GateDecision
from platformkit_pipeline.operations.gate_client import CheckVerdict, GateAnswer

CHECK = CheckVerdict("compliance/functions", "verdict", passed=False, severity="ERROR", description="3 findings.")


def _blocking(number: int) -> BlockingFinding:
    return BlockingFinding("RLS001", "rls-disabled", "FAIL", f"public.t|{number}", "no row level security", "f" * 32)


def _answer(verdict: str, *blocking: BlockingFinding, score: float | None = 49.0, effective: float | None = 49.0) -> GateAnswer:
    decision = GateDecision(
        gate="deploy",
        target="shop",
        verdict=verdict,
        reasons=("because",),
        blocking=blocking,
        scan_id="scan",
        catalog_fingerprint="c",
        ruleset_digest="r",
        raw_score=score,
        effective_score=effective,
        decided_at="2026-03-01T02:00:00+00:00",
    )
    return GateAnswer(decision, "run", "http://127.0.0.1:3000/runs/run", (CHECK,))


@pytest.mark.parametrize(
    ("verdict", "headline"),
    [
        ("yes", "YES: shop may be deployed"),
        ("no", "NO: shop must not be deployed"),
        ("unknown", "UNKNOWN: shop cannot be decided on"),
    ],
)
def test_the_first_line_is_the_answer(verdict: str, headline: str) -> None:
    assert rendered(_answer(verdict), "text").splitlines()[0] == headline
    assert rendered(_answer(verdict), "markdown").splitlines()[0] == f"# {headline}"


@pytest.mark.parametrize(("verdict", "said"), [("yes", "may be registered"), ("no", "must not be registered")])
def test_what_is_decided_of_a_connector_is_its_registration(verdict: str, said: str) -> None:
    answer = _answer(verdict)
    assert isinstance(answer.decision, GateDecision)
    of_connector = replace(answer, decision=replace(answer.decision, gate="registration"))
    assert rendered(of_connector, "text").splitlines()[0] == f"{verdict.upper()}: shop {said}"


def test_text_names_what_blocks_and_what_was_checked() -> None:
    text = rendered(_answer("no", _blocking(1)), "text")
    assert "  RLS001  public.t|1\n          no row level security\n" in text
    assert "  ERROR  compliance/functions: 3 findings.\n" in text
    assert text.endswith("Score 49.0. Run http://127.0.0.1:3000/runs/run\n")


def test_a_name_cannot_break_the_markdown_table() -> None:
    assert "| RLS001 | `public.t\\|1` | no row level security |" in rendered(_answer("no", _blocking(1)), "markdown")


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_long_list_is_cut_and_the_rest_is_counted(form: str) -> None:
    text = rendered(_answer("no", *map(_blocking, range(60))), form)
    assert text.count("RLS001") == 50
    assert "10 more are not listed here; --format json has them all." in text


def test_json_has_everything() -> None:
    document = json.loads(rendered(_answer("no", *map(_blocking, range(60))), "json"))
    assert document["schema_version"] == 1
    assert len(document["decision"]["blocking"]) == 60
    assert document["run"] == {"id": "run", "url": "http://127.0.0.1:3000/runs/run"}
    assert document["checks"][0]["passed"] is False


def test_a_waived_score_stands_beside_the_raw_one_and_none_is_left_out() -> None:
    assert "Score 49.0 (80.0 with waivers). " in rendered(_answer("no", effective=80.0), "text")
    assert "Score" not in rendered(_answer("unknown", score=None, effective=None), "text")
