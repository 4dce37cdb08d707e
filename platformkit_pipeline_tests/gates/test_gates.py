"""The plain-SQL gates say what the rules say, with psql's exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.managed_schemas import MANAGED_SCHEMAS
from platformkit_pipeline.rules.database.catalog import POLICY_BEARING_SCHEMAS
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE
from platformkit_pipeline_tests import introspection
from platformkit_pipeline_tests.gates.conftest import GATES, assert_agreement, faults_of_rules, run_gate
from platformkit_pipeline_tests.rules.conftest import run_each, run_sql
from platformkit_pipeline_tests.rules.planted import Case, all_cases

COVERED = frozenset(code for codes in GATES.values() for code in codes)
STRIDE = 12
"""Of the cases about other rules every twelfth is run as well: their objects must be no faults to a gate either."""


def _touches(planted: Case) -> bool:
    return not COVERED.isdisjoint(rule for rule, _ in planted.expected) or planted.name.startswith(tuple(COVERED))


ABOUT_GATES = [c for c in all_cases() if _touches(c)]
OTHERS = [c for c in all_cases() if not _touches(c)][::STRIDE]


@pytest.mark.parametrize("planted", [*ABOUT_GATES, *OTHERS], ids=lambda c: c.name)
def test_gates_and_rules_agree_about_what_was_planted(well_kept: Dsn, planted: Case) -> None:
    run_each(well_kept, planted.plant, planted.role)
    try:
        assert_agreement(well_kept)
    finally:
        run_each(well_kept, planted.mend, planted.role)  # roles outlive the database


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=lambda p: p.name)
def test_gates_and_rules_agree_about_the_sample_platform(sample_platform: dict[str, Dsn], project: SampleProject) -> None:
    assert_agreement(sample_platform[project.name], project.declarations)


@pytest.mark.usefixtures("supabase_template")  # brings the observer
def test_gates_and_rules_agree_about_something_of_every_kind(blank_database: Dsn) -> None:
    folder = Path(introspection.__file__).parent
    files = ["rich_catalogue.sql"]
    with psycopg.connect(blank_database.reveal(), autocommit=True) as connection:
        if connection.info.server_version >= 150000:
            files.append("rich_catalogue_since_15.sql")
        for name in files:
            connection.execute((folder / name).read_bytes())
    assert_agreement(blank_database)


@pytest.mark.usefixtures("supabase_template")
def test_gates_and_rules_agree_about_the_control_plane(control_plane: Dsn) -> None:
    assert_agreement(control_plane)
    gate = run_gate("check_rls_coverage", control_plane, "-v", "exposed_schemas=ops")
    assert (gate.code, gate.faults) == (0, frozenset())


@pytest.mark.parametrize("name", GATES)
def test_nothing_to_find_is_one_line_and_zero(well_kept: Dsn, name: str) -> None:
    gate = run_gate(name, well_kept)
    assert (gate.code, gate.stdout) == (0, "")
    assert re.search(rf"INFO:  {name}: \d+ [a-z ]+, no fault\n\Z", gate.stderr)
    assert gate.stderr.count("\n") == 1


BROKEN = {
    "check_rls_coverage": ("create table public.open (id int)", "RLS001", "table public.open"),
    "check_function_security": (
        "create function public.f() returns void language sql security definer set search_path = '' as 'select'",
        "FUN004",
        "function public.f()",
    ),
    "check_extensions_schema": ("create extension hstore schema public", "EXT001", "extension hstore"),
}


@pytest.mark.parametrize("name", GATES)
def test_a_fault_is_printed_and_ends_with_three(well_kept: Dsn, name: str) -> None:
    statement, rule, label = BROKEN[name]
    run_sql(well_kept, statement)
    gate = run_gate(name, well_kept)
    assert gate.code == 3
    assert gate.faults == {(rule, label, True)}
    assert f"ERROR:  {name}: 1 fault(s)" in gate.stderr


@pytest.mark.parametrize("name", GATES)
def test_other_clients_get_the_same_as_an_error(well_kept: Dsn, name: str) -> None:
    statement, rule, label = BROKEN[name]
    text = read_sql(f"gates/{name}.sql")
    plain = text[text.index("set local search_path") :]
    with psycopg.connect(with_user(well_kept, OBSERVER_ROLE).reveal()) as connection:
        connection.read_only = True
        connection.execute(plain.encode())
    run_sql(well_kept, statement)
    with psycopg.connect(with_user(well_kept, OBSERVER_ROLE).reveal()) as connection:
        connection.read_only = True
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(plain.encode())
    assert caught.value.sqlstate == "PK001"
    assert str(caught.value.diag.message_detail).startswith(f"{rule} {label}: ")


@pytest.mark.parametrize("name", GATES)
def test_a_server_that_cannot_be_reached_is_no_all_clear(name: str) -> None:
    assert run_gate(name, Dsn("postgresql://nobody@/nowhere?host=/nonexistent")).code == 2


@pytest.mark.parametrize(
    ("name", "catalogue"),
    [("check_rls_coverage", "pg_policy"), ("check_function_security", "pg_proc"), ("check_extensions_schema", "pg_extension")],
)
def test_a_catalogue_that_cannot_be_read_is_no_all_clear(well_kept: Dsn, name: str, catalogue: str) -> None:
    run_sql(well_kept, f"revoke select on pg_catalog.{catalogue} from public", role="supabase_admin")
    gate = run_gate(name, with_user(well_kept, OBSERVER_ROLE))
    assert (gate.code, gate.stdout) == (3, "")
    assert f"permission denied for table {catalogue}" in gate.stderr


@pytest.mark.parametrize("name", GATES)
def test_a_gate_neither_writes_nor_looks_where_the_caller_says(well_kept: Dsn, name: str) -> None:
    text = read_sql(f"gates/{name}.sql")
    assert text.isascii()  # so that a database in any encoding takes it
    assert "begin transaction read only;\n" in text
    statement, rule, label = BROKEN[name]
    run_sql(
        well_kept,
        f"""
        {statement};
        create schema trap;
        create view trap.pg_class as select * from pg_catalog.pg_class where false;
        create view trap.pg_proc as select * from pg_catalog.pg_proc where false;
        create view trap.pg_extension as select * from pg_catalog.pg_extension where false;
        grant usage on schema trap to public;
        grant select on all tables in schema trap to public;
        """,
        role="supabase_admin",
    )
    trapped = Dsn(well_kept.reveal() + "&options=-csearch_path%3Dtrap,pg_catalog")
    assert (rule, label, True) in run_gate(name, trapped).faults


@pytest.mark.parametrize("name", ["check_rls_coverage", "check_function_security"])
def test_the_list_of_managed_schemas_is_that_of_the_rules(name: str) -> None:
    [listed] = re.findall(r"managed constant text\[\] := array\[(.*?)\];", read_sql(f"gates/{name}.sql"), re.DOTALL)
    assert set(re.findall(r"'([^']+)'", listed)) == MANAGED_SCHEMAS


def test_the_schemas_with_policies_of_projects_are_those_of_the_rules() -> None:
    [listed] = re.findall(r"bearing constant text\[\] := array\[(.*?)\];", read_sql("gates/check_rls_coverage.sql"))
    assert set(re.findall(r"'([^']+)'", listed)) == POLICY_BEARING_SCHEMAS


# -- exposed schemas ---------------------------------------------------------------------------------------------------


def _with_api_schema(dsn: Dsn, *, setting: str | None) -> None:
    name = psycopg.conninfo.conninfo_to_dict(dsn.reveal())["dbname"]
    change = f"set pgrst.db_schemas = '{setting}'" if setting else "reset pgrst.db_schemas"
    statement = f'alter role authenticator in database "{name}" {change}; create schema api; create table api.open (id int)'
    run_sql(dsn, statement, role="supabase_admin")


def test_schemas_of_the_data_api_are_read_from_the_database(well_kept: Dsn) -> None:
    _with_api_schema(well_kept, setting='public, "api" ')
    assert_agreement(well_kept)
    assert ("RLS001", "table api.open", True) in run_gate("check_rls_coverage", well_kept).faults


def test_what_is_observed_wins_over_what_is_said(well_kept: Dsn) -> None:
    _with_api_schema(well_kept, setting="public")
    assert run_gate("check_rls_coverage", well_kept, "-v", "exposed_schemas=public,api").faults == frozenset()


def test_schemas_that_are_not_known_are_no_all_clear(well_kept: Dsn) -> None:
    _with_api_schema(well_kept, setting=None)
    assert_agreement(well_kept)
    gate = run_gate("check_rls_coverage", well_kept)
    assert gate.code == 3
    assert gate.faults == {("RLS001", "table api.open", False)}
    assert "1 table(s) could not be judged" in gate.stderr


@pytest.mark.parametrize(("said", "expected"), [("public", set()), (" public , api", {("RLS001", "table api.open", True)})])
def test_schemas_that_are_not_known_can_be_said(well_kept: Dsn, said: str, expected: set[tuple[str, str, bool]]) -> None:
    _with_api_schema(well_kept, setting=None)
    assert run_gate("check_rls_coverage", well_kept, "-v", f"exposed_schemas={said}").faults == expected


# -- directives --------------------------------------------------------------------------------------------------------

COMMENTS = (
    "platformkit:public-read reference data",
    "platformkit:public-read",
    "platformkit:public-read  -- : ",
    "platformkit:public-read –—",
    "platformkit:public-readable reference data",
    "platformkit:public-read\nreference data",
    "platformkit:not-tenant-scoped shared platformkit:public-read reference data",
    "platformkit:public-read platformkit:not-tenant-scoped shared",
    "platformkit:public-read platformkit:public-read the second one",
    "Countries. platformkit:public-read: the same for everybody\nplatformkit:public-read",
    "",
)


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_directive_counts_as_it_does_for_the_rules(well_kept: Dsn, comment: str) -> None:
    definer = comment.replace("public-read", "definer")
    run_sql(
        well_kept,
        f"""
        create table public.countries (id int);
        alter table public.countries enable row level security;
        create policy everybody on public.countries for select to anon using (true);
        comment on table public.countries is '{comment}';
        create function public.f() returns void language sql security definer set search_path = '' as 'select';
        comment on function public.f() is '{definer}';
        """,
    )
    for name in GATES:
        assert run_gate(name, well_kept).faults == faults_of_rules(name, well_kept)


# -- odd identifiers ---------------------------------------------------------------------------------------------------

NAMES = ("Patients", 'a"b', "a\nb", "\x1b[31mred", "tab\there", "naïve", "日" * 21, "1st", "a.b", "select", "back\\slash", "a" * 63)


def test_one_fault_is_one_line_whatever_it_is_called(well_kept: Dsn) -> None:
    with psycopg.connect(well_kept.reveal(), autocommit=True) as connection:
        for name in NAMES:
            quoted = psycopg.sql.Identifier(name)
            for template in (
                'create table public.{} (id int, "{{"  int)',
                "create policy {} on public.{} for select using (true)",
                "create function public.{}(x public.{}) returns void language sql security definer as 'select'",
            ):
                statement = psycopg.sql.SQL(template).format(*[quoted] * template.count("{}"))
                connection.execute(statement)
    for name in GATES:
        gate = run_gate(name, well_kept)
        assert gate.faults == faults_of_rules(name, well_kept)
        assert len(gate.stdout.splitlines()) == len(gate.faults)
    assert len(run_gate("check_rls_coverage", well_kept).faults) == 3 * len(NAMES)
