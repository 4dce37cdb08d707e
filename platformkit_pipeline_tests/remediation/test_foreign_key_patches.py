"""Patches about what foreign keys say, in hard cases; what depends on rows or on a decision is for a person."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.proving.execution import Timeouts, run_patch
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.remediation.test_index_patches import proven_whole
from platformkit_pipeline_tests.rules.conftest import findings

pytestmark = pytest.mark.exhaustive

__all__ = ["bench"]

USER = "alter table public.orders add column user_id uuid; create index on public.orders (user_id);"

REPLACED = {
    "an odd name, a comment, and the spare name is taken": USER
    + 'alter table public.orders add constraint "k ""; --" foreign key (user_id) references auth.users (id) on update cascade;'
    + """comment on constraint "k ""; --" on public.orders is 'it''s why';"""
    + 'alter table public.orders add constraint "k ""; --_restrict" check (total > 0)',
    "two keys over the same column": USER
    + "alter table public.orders add foreign key (user_id) references auth.users (id);"
    + "alter table public.orders add foreign key (user_id) references auth.users (id) match full",
    "a name as long as names can be": USER
    + f"alter table public.orders add constraint {'ü' * 31} foreign key (user_id) references auth.users (id)",
}


@pytest.mark.parametrize("case", REPLACED)
def test_restrict_is_said_where_it_is_what_happens(bench: Bench, case: str) -> None:
    bench.plant(REPLACED[case])
    plan = proven_whole(bench)
    assert {p.rule for p in plan.patches} == {"FKY002"}
    apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), Timeouts(5, 30), 60)
    assert findings(bench.target) == set()


def test_deletes_that_failed_go_on_failing_and_nothing_else_does(bench: Bench) -> None:
    bench.plant(USER + "alter table public.orders add foreign key (user_id) references auth.users (id)")
    with psycopg.connect(bench.target.reveal(), autocommit=True) as connection:
        connection.execute(
            "insert into auth.users (id) values (gen_random_uuid()), (gen_random_uuid());"
            "insert into public.tenants (name) values ('one');"
            "insert into public.orders (tenant_id, total, user_id) select t.id, 1, u.id from public.tenants t, auth.users u limit 1"
        )
        plan = bench.plan()
        apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), Timeouts(5, 30), 60)
        with pytest.raises((psycopg.errors.RestrictViolation, psycopg.errors.ForeignKeyViolation)):  # 18 tells them apart
            connection.execute("delete from auth.users where id in (select user_id from public.orders)")
        deleted = connection.execute("delete from auth.users where id not in (select user_id from public.orders)").rowcount
        assert deleted == 1
        connection.execute("delete from public.tenants")
        assert connection.execute("delete from auth.users").rowcount == 1


def test_an_attempt_that_broke_off_anywhere_can_be_repeated_and_undone(bench: Bench) -> None:
    bench.plant(USER + "alter table public.orders add foreign key (user_id) references auth.users (id)")
    before = findings(bench.target)
    plan = bench.plan()
    [patch] = plan.patches
    owner = with_user(bench.target, "postgres")
    for stop in range(1, len(patch.up)):
        run_patch(owner, patch.up[:stop], transactional=False, timeouts=Timeouts())
        undo_groups(owner, groups_of([patch]), Timeouts(5, 30), 60)
        assert bench.plan().base_fingerprint == plan.base_fingerprint
        run_patch(owner, patch.up[:stop], transactional=False, timeouts=Timeouts())
        run_patch(owner, patch.up, transactional=False, timeouts=Timeouts())
        assert findings(bench.target) == set()
        undo_groups(owner, groups_of([patch]), Timeouts(5, 30), 60)
        assert findings(bench.target) == before


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        ("alter table public.orders add foreign key (user_id) references auth.users (id) deferrable", "it is deferrable"),
        ("alter table public.orders add foreign key (user_id) references auth.users (id) not valid", "it is not valid"),
        ("alter table public.orders add foreign key (user_id) references public.orders (id)", "its own table"),
        (
            "create table public.notes (id uuid primary key, order_id uuid references public.orders (id))",
            "rows of public.orders go by cascade (orders_tenant_id_fkey)",
        ),
        (
            "create table public.e (id uuid, u uuid references auth.users (id), primary key (id)) partition by hash (id)",
            "to a partitioned table before 18",
        ),
        (
            "create table public.e (id uuid primary key) partition by hash (id);"
            "create table public.e1 partition of public.e for values with (modulus 1, remainder 0);"
            "alter table public.orders add foreign key (user_id) references public.e (id)",
            "it refers to a partitioned table",
        ),
    ],
)
def test_where_restrict_would_change_what_happens_a_person_decides(bench: Bench, plant: str, reason: str) -> None:
    bench.plant(USER + plant)
    plan = bench.plan()
    [item] = [i for i in plan.manual_items if i.rule == "FKY002"]
    assert reason in item.reason
    assert item.steps[0].startswith("Decide what is meant")
    assert not [p for p in plan.patches if p.rule == "FKY002"]
