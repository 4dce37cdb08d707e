"""The trial of tenant isolation, on real rows of two tenants. Tables without rows are in test_isolation_cases."""

from __future__ import annotations

import json
from dataclasses import replace

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.isolation_probe import ProbeLimits, probe_isolation
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.isolation import Answer, ProbeLevel, TableIsolation, Trial
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Declarations, Environment, Target, TargetKind, Tenancy
from platformkit_pipeline.operations.scan import scan_database
from platformkit_pipeline.rules.database.catalog import COMMANDS
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import find_rule, select_rules
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE

A, B = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
TENANT = "((select auth.jwt()) ->> 'tenant_id')::uuid"
SECRET = "31415926"
PATIENT = ProbeLimits()
ROWS = f"""
insert into public.tenants (id, name) values ('{A}', 'first'), ('{B}', 'second');
insert into public.orders (tenant_id, total) values ('{A}', {SECRET}), ('{B}', {SECRET});
"""


def run(dsn: Dsn, text: str) -> None:
    with psycopg.connect(with_user(dsn, "postgres").reveal(), autocommit=True) as connection:
        connection.execute(text.encode())


def probe(
    dsn: Dsn, level: ProbeLevel = ProbeLevel.READ, declarations: Declarations | None = None, limits: ProbeLimits = PATIENT
) -> dict[str, TableIsolation]:
    declarations = declarations or Declarations()
    found = probe_isolation(dsn, observe(dsn), declarations, level=level, limits=limits)
    assert found.level is level
    return {f"{t.schema}.{t.relation}": t for t in found.tables}


def leaks(table: TableIsolation) -> set[tuple[str, str]]:
    return {(t.role, t.command) for t in table.trials if t.answer is Answer.LEAK}


def state(dsn: Dsn) -> object:
    with psycopg.connect(dsn.reveal()) as connection:
        return connection.execute("select array_agg((o, o.xmin)::text order by id) from public.orders as o").fetchone()


@pytest.fixture
def shop(supabase_database: Dsn) -> Dsn:
    """The well-kept schema with an order of each of two tenants, as superuser."""
    run(supabase_database, read_sql("sandbox/well_kept.sql") + ROWS)
    return supabase_database


def test_a_well_kept_table_is_blocked_and_the_caller_sees_its_own_rows(shop: Dsn) -> None:
    trials = tuple(Trial("authenticated", command, Answer.BLOCKED) for command in COMMANDS)
    assert probe(shop) == {"public.orders": TableIsolation("public", "orders", trials)}


def test_an_ordinary_administrator_can_probe(shop: Dsn) -> None:
    assert probe(with_user(shop, "postgres"))["public.orders"].answer is Answer.BLOCKED


TAKEN_OVER = {"SELECT", "UPDATE", "DELETE"}


@pytest.mark.parametrize(
    ("change", "leaking"),
    [
        ("alter policy orders_of_tenant on public.orders using ((select auth.uid()) is not null)", TAKEN_OVER),
        ("alter table public.orders disable row level security", set(COMMANDS)),
        (
            "alter policy orders_of_tenant on public.orders"
            " using (tenant_id = ((select auth.jwt()) #>> '{user_metadata,tenant_id}')::uuid)",
            TAKEN_OVER,
        ),
        (
            "alter policy orders_of_tenant on public.orders"
            " using (tenant_id <> coalesce(null, ((select auth.jwt()) ->> 'tenant_id')::uuid))",
            TAKEN_OVER,
        ),
    ],
    ids=["anybody signed in", "no row level security", "the user's own metadata", "the wrong way round"],
)
def test_rows_of_another_tenant_are_a_leak(shop: Dsn, change: str, leaking: set[str]) -> None:
    run(shop, change)
    assert leaks(probe(shop)["public.orders"]) == {("authenticated", command) for command in leaking}


def test_a_caller_without_claims_must_see_no_row_of_any_tenant(shop: Dsn) -> None:
    run(shop, "grant select on public.orders to anon; create policy open on public.orders for select to anon using (true)")
    assert leaks(probe(shop)["public.orders"]) == {("anon", "SELECT")}


def test_what_is_declared_public_is_not_tried(shop: Dsn) -> None:
    run(
        shop,
        "comment on table public.orders is 'platformkit:public-read a public ledger';"
        "create policy open on public.orders for select to anon, authenticated using (true)",
    )
    assert {t.command for t in probe(shop)["public.orders"].trials} == {"INSERT", "UPDATE", "DELETE"}


def test_row_level_security_without_a_policy_blocks(shop: Dsn) -> None:
    run(shop, "drop policy orders_of_tenant on public.orders")
    assert probe(shop)["public.orders"].answer is Answer.BLOCKED


def test_a_caller_who_sees_nothing_proves_nothing(shop: Dsn) -> None:
    run(shop, "alter table public.orders add column seller uuid")
    run(shop, "alter policy orders_of_tenant on public.orders using (seller = (select auth.uid()))")
    table = probe(shop)["public.orders"]
    assert table.answer is Answer.INCONCLUSIVE
    assert "no row of its own tenant" in table.trials[0].reason


@pytest.mark.parametrize("level", [ProbeLevel.READ, ProbeLevel.WRITE])
def test_where_no_two_tenants_have_rows_made_up_ones_answer(shop: Dsn, level: ProbeLevel) -> None:
    run(shop, f"delete from public.orders where tenant_id = '{B}'")
    assert {t.answer for t in probe(shop, level)["public.orders"].trials} == {Answer.BLOCKED}
    run(shop, "alter policy orders_of_tenant on public.orders using (true)")
    assert leaks(probe(shop, level)["public.orders"]) == {("authenticated", command) for command in TAKEN_OVER}


def test_a_role_that_may_only_observe_says_so(shop: Dsn) -> None:
    trials = probe(with_user(shop, OBSERVER_ROLE))["public.orders"].trials
    assert {(t.answer, t.reason) for t in trials} == {(Answer.INCONCLUSIVE, "the scanning role may not SET ROLE authenticated")}


def test_a_slow_policy_ends_at_the_timeout(shop: Dsn) -> None:
    run(shop, "alter policy orders_of_tenant on public.orders using ((select pg_sleep(30)) is not null)")
    table = probe(shop, limits=ProbeLimits(statement=0.3))["public.orders"]
    assert (table.answer, table.trials[0].reason) == (Answer.INCONCLUSIVE, "the statement timeout ended the trial")


def test_tables_that_are_not_reached_in_time_stay_open(shop: Dsn) -> None:
    table = probe(shop, limits=ProbeLimits(whole=0))["public.orders"]
    assert (table.answer, table.trials[0].reason) == (Answer.INCONCLUSIVE, "the time for the whole probe was used up")


def test_a_lock_of_somebody_else_is_not_waited_for(shop: Dsn) -> None:
    snapshot = observe(shop)
    with psycopg.connect(shop.reveal()) as other:
        other.execute("lock table public.orders in access exclusive mode")
        found = probe_isolation(shop, snapshot, Declarations(), level=ProbeLevel.READ, limits=ProbeLimits(lock=0.2))
    assert found.tables[0].trials[0].reason == "another session holds a lock on the table"


def test_members_are_tried_as_users_of_their_own_tenant_only(shop: Dsn) -> None:
    run(
        shop,
        f"""
        create table public.members (tenant_id uuid not null, user_id uuid not null);
        alter table public.members enable row level security;
        create policy own on public.members for select to authenticated using (user_id = (select auth.uid()));
        revoke all on public.members from anon, authenticated;
        grant select on public.members to authenticated;
        insert into public.members values
          ('{A}', '00000000-0000-4000-8000-000000000001'), ('{B}', '00000000-0000-4000-8000-000000000001'),
          ('{A}', '00000000-0000-4000-8000-000000000002'), ('{B}', '00000000-0000-4000-8000-000000000003');
        alter policy orders_of_tenant on public.orders
          using (tenant_id in (select m.tenant_id from public.members m where m.user_id = (select auth.uid())));
        """,
    )
    declarations = Declarations(tenancy=Tenancy(membership_tables=("public.members",)))
    assert probe(shop, declarations=declarations)["public.orders"].answer is Answer.BLOCKED


def test_odd_names_and_partitions(shop: Dsn) -> None:
    run(
        shop,
        """
        create schema "Odd ""one"" %s";
        grant usage on schema "Odd ""one"" %s" to authenticated;
        set search_path = "Odd ""one"" %s";
        create table "T; drop" ("Tenant Id" varchar(40) not null, at date) partition by list (at);
        create table "T {}" partition of "T; drop" default;
        insert into "T; drop" values ('x''1', '2026-01-01'), ('x2', '2026-01-01');
        grant select on "T; drop", "T {}" to authenticated;
        alter table "T; drop" enable row level security;
        create policy own on "T; drop" to authenticated using ("Tenant Id" = ((select auth.jwt()) ->> 'tenant_id'));
        """,
    )
    found = probe(shop, declarations=Declarations(tenancy=Tenancy(column="Tenant Id")))
    assert {name: table.answer for name, table in found.items()} == {
        'Odd "one" %s.T; drop': Answer.BLOCKED,
        'Odd "one" %s.T {}': Answer.LEAK,
    }


# -- writing ------------------------------------------------------------------------------------------------------------


def test_a_well_kept_table_withstands_writing_and_is_left_as_it_was(shop: Dsn) -> None:
    before = state(shop)
    table = probe(shop, ProbeLevel.WRITE)["public.orders"]
    assert [(t.command, t.answer) for t in table.trials] == [(c, Answer.BLOCKED) for c in ("SELECT", "INSERT", "UPDATE", "DELETE")]
    assert state(shop) == before


def test_writes_that_reach_another_tenant_are_leaks_and_are_taken_back(shop: Dsn) -> None:
    run(shop, "alter policy orders_of_tenant on public.orders using (true) with check (true)")
    before = state(shop)
    assert leaks(probe(shop, ProbeLevel.WRITE)["public.orders"]) == {("authenticated", c) for c in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    assert state(shop) == before


@pytest.mark.parametrize(
    ("command", "policy"),
    [
        ("INSERT", "for insert to authenticated with check (true)"),
        ("UPDATE", f"for update to authenticated using (tenant_id = {TENANT}) with check (true)"),
        ("UPDATE", f"for update to authenticated using (true) with check (tenant_id = {TENANT})"),
        ("DELETE", "for delete to authenticated using (true)"),
    ],
    ids=["insert", "hand over", "take over", "delete"],
)
def test_each_command_is_tried_past_what_select_hides(shop: Dsn, command: str, policy: str) -> None:
    run(shop, f"create policy another on public.orders {policy}")
    assert leaks(probe(shop, ProbeLevel.WRITE)["public.orders"]) == {("authenticated", command)}


@pytest.mark.parametrize(("using", "leaking"), [("true", {("authenticated", "DELETE")}), (f"tenant_id = {TENANT}", set())])
def test_references_to_the_callers_own_rows_hide_no_leak(shop: Dsn, using: str, leaking: set[tuple[str, str]]) -> None:
    run(shop, f"create policy another on public.orders for delete to authenticated using ({using})")
    run(
        shop,
        "create table public.items (order_id uuid references public.orders (id)); insert into public.items select id from public.orders",
    )
    table = probe(shop, ProbeLevel.WRITE)["public.orders"]
    assert (leaks(table), Answer.INCONCLUSIVE in {t.answer for t in table.trials}) == (leaking, False)


def test_a_trigger_that_sets_the_tenant_is_no_leak(shop: Dsn) -> None:
    run(
        shop,
        f"""
        create policy another on public.orders for insert to authenticated with check (true);
        create function public.own() returns trigger language plpgsql as $$ begin new.tenant_id := {TENANT}; return new; end $$;
        grant execute on function public.own() to authenticated;
        create trigger own before insert on public.orders for each row execute function public.own();
        """,
    )
    assert leaks(probe(shop, ProbeLevel.WRITE)["public.orders"]) == set()


@pytest.mark.parametrize(("using", "moved"), [("true", ("public.changes_id_seq",)), (f"tenant_id = {TENANT}", ())])
def test_a_sequence_that_a_trigger_moves_is_named_and_policies_that_hold_move_none(shop: Dsn, using: str, moved: tuple[str, ...]) -> None:
    run(
        shop,
        f"""
        create table public.changes (id bigserial primary key, at timestamptz);
        create function public.log_change() returns trigger language plpgsql security definer as $$
          begin insert into public.changes (at) values (now()); return null; end $$;
        create trigger log_change after update on public.orders for each row execute function public.log_change();
        alter policy orders_of_tenant on public.orders using ({using}) with check ({using});
        """,
    )
    found = probe_isolation(shop, observe(shop), Declarations(), level=ProbeLevel.WRITE)
    assert found.moved_sequences == moved


def test_reading_cannot_write_even_when_a_policy_tries(shop: Dsn) -> None:
    run(
        shop,
        """
        create function public.meddle() returns boolean language plpgsql security definer as $$
          begin delete from public.orders; return true; end $$;
        grant execute on function public.meddle() to authenticated;
        alter policy orders_of_tenant on public.orders using (public.meddle());
        """,
    )
    before = state(shop)
    table = probe(shop)["public.orders"]
    assert (table.answer, state(shop)) == (Answer.INCONCLUSIVE, before)


# -- the rule and the scan ------------------------------------------------------------------------------------------------


def test_the_rule_says_nothing_unless_somebody_asked(shop: Dsn) -> None:
    rule = find_rule("TEN005")
    assert rule is not None
    snapshot = observe(shop)
    assert evaluate(snapshot, Declarations(), (rule,)) == ()
    asked = replace(snapshot, isolation=probe_isolation(shop, snapshot, Declarations(), level=ProbeLevel.READ))
    assert [(r.outcome, r.count) for r in evaluate(asked, Declarations(), (rule,))] == [(Outcome.PASS, 1)]


def test_the_examples_of_the_rule_do_what_they_say(supabase_database: Dsn) -> None:
    rule = find_rule("TEN005")
    assert rule is not None
    run(supabase_database, read_sql("sandbox/well_kept.sql") + rule.clean)
    assert probe(supabase_database)["public.orders"].answer is Answer.BLOCKED
    run(supabase_database, rule.violating.partition("\n\n")[2])
    assert probe(supabase_database)["public.orders"].answer is Answer.LEAK


def test_a_scan_reports_leaks_and_doubts_without_a_value_of_any_row(shop: Dsn) -> None:
    run(shop, "alter policy orders_of_tenant on public.orders using (true)")
    target = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.PRODUCTION)
    rules = select_rules(["TEN005"])
    report = scan_database(shop, target=target, declarations=Declarations(), rules=rules, probe=ProbeLevel.READ)
    [finding] = report.findings
    assert (finding.rule, finding.outcome, finding.object.canonical) == ("TEN005", Outcome.FAIL, "table public.orders")
    assert finding.evidence["leaks"] == {"authenticated": ["SELECT", "UPDATE", "DELETE"]}
    told = finding.message + json.dumps(finding.evidence, default=str)
    assert not any(value in told for value in (A, B, SECRET))


def test_a_writing_probe_is_refused_in_production(shop: Dsn) -> None:
    target = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.PRODUCTION)
    with pytest.raises(ConfigurationError, match="shop: its environment is production"):
        scan_database(shop, target=target, declarations=Declarations(), rules=select_rules(["TEN005"]), probe=ProbeLevel.WRITE)
