from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from platformkit_pipeline.model.identity import extension_identity
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.operations import self_test as subject
from platformkit_pipeline.operations.self_test import Bench, SelfTest, complaints_about_clean, complaints_about_violating, self_test
from platformkit_pipeline.rules.registry import Rule, Scope, Source, find_rule, rules_for

FIRES = "create extension hstore schema public;"
KEEPS = "create extension hstore schema extensions;"


def _rule(code: str = "EXT001", *, violating: str = FIRES, clean: str = KEEPS) -> Rule:
    rule = find_rule(code)
    assert rule is not None
    return replace(rule, violating=violating, clean=clean)


def _result(code: str, outcome: Outcome = Outcome.FAIL) -> Result:
    rule = _rule(code)
    return Result(rule.code, rule.name, rule.clause, rule.severity, outcome, extension_identity("hstore"), "so it is", rule.patch)


# -- what is demanded ----------------------------------------------------------------------------------------------------


def test_the_rule_alone_may_fire() -> None:
    rule = _rule("EXT001")
    assert list(complaints_about_violating(rule, [_result("EXT001"), _result("RLS001", Outcome.PASS)])) == []
    assert list(complaints_about_violating(rule, [_result("EXT001"), _result("RLS001")])) == [
        "violating: RLS001 FAIL extension hstore: so it is"
    ]


@pytest.mark.parametrize("results", [[], [_result("EXT001", Outcome.UNKNOWN)], [_result("EXT001", Outcome.NOT_APPLICABLE)]])
def test_the_rule_must_fail_something(results: Sequence[Result]) -> None:
    assert list(complaints_about_violating(_rule("EXT001"), results)) == ["violating: EXT001 does not fail anything"]


def test_rules_that_cannot_but_fire_as_well_are_named_and_must_fire() -> None:
    rule = replace(_rule("EXT001"), also_fires=("RLS001",))
    for outcome in (Outcome.FAIL, Outcome.UNKNOWN):
        assert list(complaints_about_violating(rule, [_result("EXT001"), _result("RLS001", outcome)])) == []
    assert list(complaints_about_violating(rule, [_result("EXT001")])) == ["violating: RLS001 does not fire, though also_fires names it"]


def test_after_the_clean_example_nobody_may_fire() -> None:
    assert list(complaints_about_clean(_rule(), [_result("RLS001", Outcome.PASS), _result("RLS001", Outcome.NOT_APPLICABLE)])) == []
    for outcome in (Outcome.FAIL, Outcome.UNKNOWN):
        assert list(complaints_about_clean(_rule(), [_result("EXT001", outcome)])) == [
            f"clean: EXT001 {outcome.value} extension hstore: so it is"
        ]


def test_statistics_may_be_too_young_for_the_clean_example() -> None:
    rule = replace(_rule(), source=Source.STATISTICS)
    assert list(complaints_about_clean(rule, [_result("EXT001", Outcome.UNKNOWN)])) == []
    assert list(complaints_about_clean(rule, [_result("EXT001", Outcome.FAIL)])) != []


# -- on a real server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the throw-away server has its folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _complaints(outcome: SelfTest) -> list[tuple[str, ...]]:
    return [rule.complaints for rule in outcome.rules]


NO_TRACE = """
do $$ begin
  if exists (select from pg_roles where rolname = 'left_over' or (rolname = 'anon' and rolbypassrls)) then
    raise exception 'an example before this one left something behind';
  end if;
end $$;
"""


def test_examples_are_run_one_by_one_each_in_a_world_of_its_own(temporary: Path) -> None:
    role = "create role left_over; create schema theirs authorization left_over; grant pg_monitor to left_over; "
    rules = [
        _rule(),
        replace(_rule(violating=role + FIRES, clean=NO_TRACE + KEEPS), example_role="supabase_admin"),
        replace(_rule(violating="alter role anon bypassrls; " + FIRES, clean=NO_TRACE + KEEPS), example_role="supabase_admin"),
        _rule(violating=KEEPS, clean=FIRES),
        _rule(violating=FIRES + "create table public.open (id int)"),
        _rule(violating="create role left_over; create extension nowhere", clean="this is no SQL"),
        _rule(violating=NO_TRACE + FIRES),
    ]
    steps: list[str] = []
    outcome = self_test(rules, steps.append)
    right, with_role, with_attribute, reversed_, too_much, refused, after_refused = _complaints(outcome)
    assert (right, with_role, after_refused) == ((), (), ())
    assert all("anon" in complaint for complaint in with_attribute)  # a rule about such roles may have its say
    assert reversed_[0] == "violating: EXT001 does not fail anything"
    assert reversed_[1].startswith("clean: EXT001 FAIL extension hstore: ")
    assert any(complaint.startswith("violating: RLS001 FAIL table public.open: ") for complaint in too_much)
    assert not any("EXT001" in complaint for complaint in too_much)
    assert refused[0].startswith("the violating example does not run: extension ")
    assert refused[1].startswith("the clean example does not run: syntax error")
    assert steps[1:] == [f"{number}/7 EXT001" for number in range(1, 8)]
    assert len(outcome.failed) == sum(1 for rule in outcome.rules if rule.complaints)
    assert list(temporary.iterdir()) == []


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench.set_up() as bench:
        yield bench


@pytest.mark.parametrize("rule", rules_for(Scope.PROJECT), ids=lambda rule: rule.code)
def test_every_rule_does_what_its_examples_say(bench: Bench, rule: Rule) -> None:
    assert subject.test_of(rule, bench).complaints == ()


def test_nothing_is_left_behind_when_somebody_interrupts(temporary: Path) -> None:
    def interrupt(step: str) -> None:
        if "/" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        self_test([_rule()], interrupt)
    assert list(temporary.iterdir()) == []
