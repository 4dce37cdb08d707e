"""What proofs cannot see, because they call no function: paths that would break a body, and steps with ready SQL for definers."""

from __future__ import annotations

import pytest

from platformkit_pipeline_tests.remediation.planned import by_hand
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench

pytestmark = pytest.mark.exhaustive

__all__ = ["bench"]


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (
            "create schema app; create function app.g() returns bigint language sql as 'select count(*) from Orders';"
            "create view app.orders as select 1 as one",
            "orders in the body exists in several of the schemas app, public, extensions",
        ),
        ("create procedure public.p() language plpgsql as 'begin commit; end'", "may end transactions"),
        (
            "create function public.g() returns text language sql as $$select set_config('search_path', 'app', false)$$",
            "the body reads or sets search_path itself",
        ),
    ],
)
def test_a_path_that_would_break_the_body_is_left_to_a_person(bench: Bench, plant: str, reason: str) -> None:
    bench.plant(plant)
    item = by_hand(bench, "FUN002")
    assert reason in item.reason
    assert "set search_path = pg_catalog, " in item.steps[-1]


def test_a_name_that_is_qualified_in_the_body_is_no_doubt(bench: Bench) -> None:
    bench.plant(
        "create schema app; create view app.orders as select 1 as one;"
        "create function app.g() returns bigint language sql as 'select count(*) from public.orders'"
    )
    assert [p.rule for p in bench.plan().patches if p.rule == "FUN002"] == ["FUN002"]


def test_steps_for_definers_name_the_function_and_keep_its_comment(bench: Bench) -> None:
    bench.plant(
        "create function public.\"F\"(a text) returns void language sql security definer set search_path = '' as 'select';"
        "comment on function public.\"F\"(text) is 'it''s old'; revoke execute on function public.\"F\"(text) from public;"
    )
    steps = " ".join(by_hand(bench, "FUN004").steps)
    assert 'alter function public."F"(a text) security invoker;' in steps
    assert "is 'it''s old\nplatformkit:definer" in steps


def test_an_update_of_an_extension_is_for_a_person_because_nothing_leads_back(bench: Bench) -> None:
    bench.plant("create extension hstore schema extensions version '1.4'")
    item = by_hand(bench, "EXT002")
    assert "cannot be undone" in item.reason
    assert any("alter extension hstore update;" in step for step in item.steps)
