"""Every rule about the control plane does what its examples say, on a control plane that is really there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platformkit_pipeline.model.dsn import Dsn
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
