"""What owners declare about critical tables and audit logs, and what cannot be told about them."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.settings import Project, declarations_of
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline_tests.rules.cases_data_integrity import ACTORS, AUDITED, LOG, LOG_VIEW, ON_DELETE, RECORD, function
from platformkit_pipeline_tests.rules.conftest import findings, judge, run_sql
from platformkit_pipeline_tests.rules.planted import GOOD, NOTES


def plant(dsn: Dsn, *statements: str) -> None:
    for statement in statements:
        run_sql(dsn, statement)


def outcomes(dsn: Dsn, rule: str, declarations: Declarations | None = None) -> dict[str, tuple[Outcome, str]]:
    return {r.object.canonical: (r.outcome, r.message) for r in judge(dsn, declarations) if r.rule == rule and r.is_finding}


def test_a_critical_table_of_the_settings_is_judged(well_kept: Dsn) -> None:
    declared = Declarations(critical_tables=("public.orders",))
    assert findings(well_kept, declared) == {("AUD003", "table public.orders"), ("AUD004", "table public.orders")}


@pytest.mark.parametrize("rule", ["AUD003", "AUD004"])
def test_a_critical_table_that_does_not_exist_is_no_silence(well_kept: Dsn, rule: str) -> None:
    [(name, (outcome, message))] = outcomes(well_kept, rule, Declarations(critical_tables=("public.ordres",))).items()
    assert (name, outcome) == ("table public.ordres", Outcome.UNKNOWN)
    assert "does not exist" in message


@pytest.mark.parametrize("rule", ["AUD003", "AUD004"])
def test_a_critical_view_is_not_judged_and_said_so(well_kept: Dsn, rule: str) -> None:
    plant(well_kept, "create schema archive", "create view archive.v as select 1 as a")
    [(name, (outcome, _))] = outcomes(well_kept, rule, Declarations(critical_tables=("archive.v",))).items()
    assert (name, outcome) == ("view archive.v", Outcome.UNKNOWN)


@pytest.mark.parametrize("written", ['public."Line items"', "PUBLIC.Orders", 'public."orders"', "public.orders"])
def test_names_are_written_as_in_sql_or_as_the_catalogue_has_them(well_kept: Dsn, written: str) -> None:
    if "Line" in written:
        plant(well_kept, 'alter table public.orders rename to "Line items"')
    assert {o for o, _ in outcomes(well_kept, "AUD003", Declarations(critical_tables=(written,))).values()} == {Outcome.FAIL}


def test_names_of_columns_are_the_projects(well_kept: Dsn) -> None:
    plant(well_kept, *GOOD, *ACTORS, 'alter table public.notes rename updated_by to "updatedBy"')
    declared = Declarations(critical_tables=("public.notes",), updated_by="updatedBy")
    assert outcomes(well_kept, "AUD003", declared) == {}
    assert NOTES in outcomes(well_kept, "AUD003", Declarations(critical_tables=("public.notes",)))


def test_updated_at_in_camel_case(well_kept: Dsn) -> None:
    plant(
        well_kept,
        *GOOD,
        'alter table public.notes rename updated_at to "updatedAt"',
        function('new."updatedAt" := pg_catalog.now(); return new;', "public.stamp"),
        "drop trigger touch on public.notes",
        "create trigger stamp before update on public.notes for each row execute function public.stamp()",
    )
    assert NOTES not in outcomes(well_kept, "AUD005", Declarations(updated_at="updatedAt"))


def test_an_audit_trigger_that_builds_its_sql_is_unknown(well_kept: Dsn) -> None:
    plant(well_kept, *AUDITED, ON_DELETE)
    assert outcomes(well_kept, "AUD004") == {}
    plant(well_kept, function("execute 'insert into audit.log values (1)'; return null;"))
    [(outcome, message)] = outcomes(well_kept, "AUD004").values()
    assert outcome is Outcome.UNKNOWN
    assert "function audit.record() runs SQL that it builds" in message


def test_a_trigger_under_a_condition_is_unknown(well_kept: Dsn) -> None:
    plant(
        well_kept,
        *AUDITED,
        "revoke truncate on public.notes from service_role",
        "create trigger record after delete on public.notes for each row when (old.created_by is not null) execute function audit.record()",
    )
    assert {o for o, _ in outcomes(well_kept, "AUD004").values()} == {Outcome.UNKNOWN}


def test_moddatetime_keeps_the_column_that_it_is_told(well_kept: Dsn) -> None:
    run_sql(well_kept, "create extension moddatetime schema extensions", role="supabase_admin")
    plant(
        well_kept,
        *GOOD,
        "drop trigger touch on public.notes",
        "create trigger stamp before update on public.notes for each row execute function extensions.moddatetime('created_at')",
    )
    assert outcomes(well_kept, "AUD005").keys() == {"column public.notes.updated_at"}
    plant(
        well_kept,
        "drop trigger stamp on public.notes",
        "create trigger stamp before update on public.notes for each row execute function extensions.moddatetime('updated_at')",
    )
    assert findings(well_kept) == set()


def test_what_is_called_in_turn_is_followed_once_round(well_kept: Dsn) -> None:
    plant(
        well_kept,
        *AUDITED,
        "create function audit.a() returns void language plpgsql set search_path = '' as 'begin perform audit.b(); end'",
        "create function audit.b() returns void language plpgsql set search_path = audit "
        "as 'begin perform a(); insert into log (line) values (current_user); end'",
        function("perform audit.a(); return null;"),
        ON_DELETE,
    )
    assert outcomes(well_kept, "AUD004") == {}


def test_a_declared_audit_log_counts_whatever_it_is_called(well_kept: Dsn) -> None:
    plant(
        well_kept,
        *GOOD,
        *ACTORS,
        *(statement.replace("audit.log", "audit.ledger") for statement in LOG),
        RECORD.replace("audit.log", "audit.ledger"),
        ON_DELETE,
        "alter schema audit rename to books",
        function("insert into books.ledger (line) values (tg_op); return null;", "books.record"),
        "grant delete on books.ledger to service_role",
    )
    critical = Declarations(critical_tables=("public.notes",))
    declared = Declarations(critical_tables=("public.notes",), audit_tables=("books.ledger", "books.missing"))
    assert NOTES in outcomes(well_kept, "AUD004", critical)
    assert outcomes(well_kept, "AUD006", critical) == {}
    assert outcomes(well_kept, "AUD004", declared) == {}
    assert {n: o for n, (o, _) in outcomes(well_kept, "AUD006", declared).items()} == {
        "table books.ledger": Outcome.FAIL,
        "table books.missing": Outcome.UNKNOWN,
    }


def test_whoever_may_write_everything_may_write_the_log(well_kept: Dsn) -> None:
    plant(well_kept, *LOG)
    run_sql(well_kept, "create role import_of_everything; grant pg_write_all_data to import_of_everything", role="supabase_admin")
    try:
        [(outcome, message)] = outcomes(well_kept, "AUD006").values()
    finally:
        run_sql(well_kept, "drop role import_of_everything", role="supabase_admin")
    assert outcome is Outcome.FAIL
    assert "import_of_everything (UPDATE, DELETE)" in message


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("create rule forget as on delete to archive.lines do instead nothing", "what a rule makes of it is not known"),
        (
            "create function archive.remove() returns trigger language plpgsql security definer set search_path = '' as "
            "$f$ begin execute 'delete from audit.' || 'log'; return old; end $f$;"
            "create trigger remove instead of delete on archive.lines for each row execute function archive.remove()",
            "function archive.remove() runs SQL that it builds",
        ),
    ],
)
def test_what_cannot_be_told_about_a_view_over_the_log_is_unknown(well_kept: Dsn, made: str, reason: str) -> None:
    plant(well_kept, *LOG, LOG_VIEW, made, "grant delete on archive.lines to authenticated")
    [(outcome, message)] = outcomes(well_kept, "AUD006").values()
    assert outcome is Outcome.UNKNOWN
    assert "authenticated may DELETE view archive.lines" in message
    assert reason in message


def test_the_finding_names_the_view_that_passes_changes_on(well_kept: Dsn) -> None:
    plant(well_kept, *LOG, LOG_VIEW, "grant update, delete on archive.lines to authenticated")
    [(outcome, message)] = outcomes(well_kept, "AUD006").values()
    assert outcome is Outcome.FAIL
    assert "authenticated (UPDATE, DELETE through view archive.lines)" in message


def test_a_partition_of_an_audit_log_is_one(well_kept: Dsn) -> None:
    plant(
        well_kept,
        "create schema audit",
        "create table audit.log (id bigint not null, at date not null, primary key (id, at), "
        "created_at timestamptz not null default now(), updated_at timestamptz not null generated always as (created_at) stored) "
        "partition by range (at)",
        "comment on table audit.log is 'platformkit:not-tenant-scoped read by auditors only'",
        "create table audit.y2026 partition of audit.log for values from ('2026-01-01') to ('2027-01-01')",
        "grant truncate on audit.y2026 to service_role",
    )
    assert findings(well_kept) == {("AUD006", "table audit.y2026")}


def test_the_settings_carry_what_is_declared() -> None:
    project = Project.model_validate(
        {
            "name": "shop",
            "environment": "staging",
            "database": {"dsn_env": "SHOP"},
            "critical_tables": ["public.notes"],
            "audit_tables": ["books.ledger"],
            "audit_columns": {"created_by": "createdBy", "updated_by": "updatedBy"},
        }
    )
    assert declarations_of(project) == Declarations(
        critical_tables=("public.notes",), audit_tables=("books.ledger",), created_by="createdBy", updated_by="updatedBy"
    )
