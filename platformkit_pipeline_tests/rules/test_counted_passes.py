"""Objects that keep a rule are counted, whether a rule passes them one by one or many at once."""

from __future__ import annotations

from collections import Counter

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline_tests.rules.conftest import judge, run_sql


def _counts(dsn: Dsn, rule: str) -> dict[Outcome, int]:
    found: Counter[Outcome] = Counter()
    for result in judge(dsn):
        if result.rule == rule:
            found[result.outcome] += result.count
    return dict(found)


@pytest.mark.parametrize("rule", ["IDX003", "IDX005"])
def test_every_index_of_a_well_kept_schema_is_counted(well_kept: Dsn, rule: str) -> None:
    assert _counts(well_kept, rule) == {Outcome.PASS: 3}


def test_indexes_that_stay_are_counted_beside_the_superfluous_one(well_kept: Dsn) -> None:
    run_sql(well_kept, "create index orders_by_day_idx on public.orders (tenant_id, created_at)")
    assert _counts(well_kept, "IDX003") == {Outcome.PASS: 3, Outcome.FAIL: 1}


def test_valid_indexes_are_counted_beside_the_invalid_one(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "update pg_catalog.pg_index set indisvalid = false where indexrelid = 'public.orders_tenant_id_idx'::regclass",
        role="supabase_admin",
    )
    assert _counts(well_kept, "IDX005") == {Outcome.PASS: 2, Outcome.FAIL: 1}


def test_one_secret_changes_the_verdict_about_one_object(well_kept: Dsn) -> None:
    run_sql(well_kept, "comment on column public.orders.total is 'nothing of interest'")
    clean = _counts(well_kept, "SEC010")
    run_sql(well_kept, "comment on column public.orders.total is $c$password = 'summer2024" + "-Xq7'$c$")
    assert _counts(well_kept, "SEC010") == {Outcome.PASS: clean[Outcome.PASS] - 1, Outcome.FAIL: 1}
