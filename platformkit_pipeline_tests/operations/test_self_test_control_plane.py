"""Every rule about the control plane does what its examples say, on a control plane that is really there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.operations.self_test_control_plane import ControlPlaneBench, Example, complaints_about_control_plane_rule
from platformkit_pipeline.rules.registry import Rule, find_rule, rules_about_the_control_plane


@pytest.fixture
def bench(admin_dsn: Dsn, control_plane_template: str, tmp_path: Path) -> ControlPlaneBench:
    return ControlPlaneBench(admin_dsn, control_plane_template, tmp_path)


@pytest.mark.parametrize("rule", rules_about_the_control_plane(), ids=lambda rule: rule.code)
def test_only_the_rule_itself_fires_on_its_violating_example_and_none_on_the_clean_one(bench: ControlPlaneBench, rule: Rule) -> None:
    assert list(complaints_about_control_plane_rule(rule, bench)) == []


def test_an_example_that_breaks_something_else_is_complained_of(bench: ControlPlaneBench) -> None:
    stale, nothing = find_rule("OPS001"), find_rule("WVR005")
    assert stale is not None
    assert nothing is not None
    complaints = list(complaints_about_control_plane_rule(replace(stale, violating=nothing.violating), bench))
    assert complaints[0] == "violating: OPS001 does not fail anything"
    assert complaints[1].startswith("violating: WVR005 FAIL waiver ")


def test_an_example_says_nothing_that_is_not_carried_out() -> None:
    with pytest.raises(ValueError, match="a mapping with some of"):
        Example.read("waiver: []")


ORDERS = "findings: [{rule: RLS001, object: public.orders}]"
LAPSED = "{rule: RLS001, object: public.orders, from: -11, days: 10}"


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        pytest.param(f"{ORDERS}\nwaivers: [{LAPSED}]", {"WVR004 FAIL"}, id="lapsed and still open"),
        pytest.param(
            f"{ORDERS}\nwaivers: [{LAPSED}, {{rule: RLS001, object: 'public.*', from: 0, days: 20}}]", set(), id="lapsed, waived again"
        ),
        pytest.param(
            f"findings: [{{rule: RLS001, object: public.orders, since: 0}}]\nscanned_hours_ago: 0\nwaivers: [{LAPSED}]",
            set(),
            id="lapsed, mended in time, back since",
        ),
        pytest.param(f"environment: production\n{ORDERS}\nwaivers: [{LAPSED}]", {"WVR004 FAIL"}, id="lapsed before production"),
        pytest.param("waivers: [{rule: RLS001, object: public.orders, from: 5, days: 20}]", {"WVR005 FAIL"}, id="to come, for nothing"),
        pytest.param("scanned_hours_ago: 26", set(), id="a night, two hours late"),
        pytest.param("today: 2026-03-31", set(), id="last day of the quarter"),
        pytest.param("today: 2026-04-01", {"OPS003 FAIL"}, id="never opened"),
        pytest.param("today: 2026-12-31\ninstalled: 2026-01-01", {"OPS003 FAIL"}, id="installed with the year"),
        pytest.param("today: 2026-12-31\ninstalled: 2026-01-02", {"OPS003 NOT_APPLICABLE"}, id="installed within the quarter"),
        pytest.param(
            "today: 2026-12-31\ninstalled: 2026-04-01\nreviews: [{year: 2026, completed: 2026-05-01}]", set(), id="reviewed all the same"
        ),
        pytest.param("today: 2026-06-01\nreviews: [{year: 2025, completed: 2025-03-01}]", {"OPS003 FAIL"}, id="reviewed last year"),
    ],
)
def test_what_happened_is_judged_as_the_clauses_say(bench: ControlPlaneBench, happened: str, said: set[str]) -> None:
    results = bench.judged(happened)
    assert {f"{r.rule} {r.outcome.name}" for r in results if r.outcome is not Outcome.PASS} == said
    assert {r.rule for r in results} >= {"OPS001", "OPS002", "OPS003"}, "these judge whatever happened"
