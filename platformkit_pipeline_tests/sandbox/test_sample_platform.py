"""The sample platform: made whole or not at all, and every planted fault is about an object that exists."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, SandboxError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.sandbox import sample_platform as module
from platformkit_pipeline.sandbox.binaries import Binaries
from platformkit_pipeline.sandbox.databases import connect, database_exists, with_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, create_sample_platform, drop_sample_platform, planted_faults
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE
from platformkit_pipeline.sqltext.secrets import secrets_in
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

NAMES = [project.name for project in SAMPLE_PROJECTS]

BUILDER = """
import sys
from pathlib import Path
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import create_sample_platform
create_sample_platform(EmbeddedPostgres(Path(sys.argv[1])))
"""

OBJECTS = """
select format('%s %s.%s', case relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view'
                when 'm' then 'materialized_view' when 'f' then 'foreign_table' else 'other' end,
              quote_ident(nspname), quote_ident(relname))
from pg_class c join pg_namespace n on n.oid = relnamespace
union all
select format('index %s.%s.%s', quote_ident(nspname), quote_ident(t.relname), quote_ident(i.relname))
from pg_index x join pg_class i on i.oid = indexrelid join pg_class t on t.oid = indrelid join pg_namespace n on n.oid = i.relnamespace
union all
select format('column %s.%s.%s', quote_ident(nspname), quote_ident(relname), quote_ident(attname))
from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
union all
select format('constraint %s.%s.%s', quote_ident(nspname), quote_ident(relname), quote_ident(conname))
from pg_constraint k join pg_class c on c.oid = conrelid join pg_namespace n on n.oid = relnamespace
union all
select format('policy %s.%s.%s', quote_ident(schemaname), quote_ident(tablename), quote_ident(policyname)) from pg_policies
union all
select format('function %s.%s(%s)', quote_ident(nspname), quote_ident(proname), pg_get_function_identity_arguments(p.oid))
from pg_proc p join pg_namespace n on n.oid = pronamespace
union all
select format('extension %s', quote_ident(extname)) from pg_extension
union all
select format('foreign_server %s', quote_ident(srvname)) from pg_foreign_server
union all
select format('default_privilege %s.%s.%s', quote_ident(nspname), quote_ident(pg_get_userbyid(defaclrole)),
              case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' end)
from pg_default_acl d join pg_namespace n on n.oid = defaclnamespace
union all
select format('database %s', quote_ident(current_database()))
union all
select format('storage_bucket %s', quote_ident(id)) from storage.buckets
"""


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server on which the sample platform may be dropped and rebuilt."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("sample"), settings=FAST_SETTINGS)
    server.ensure()
    yield server
    server.destroy()


def as_owner(server: EmbeddedPostgres, database: str, statement: str) -> list[tuple[object, ...]]:
    with connect(with_database(server.dsn(), database)) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def oids(server: EmbeddedPostgres) -> dict[str, object]:
    rows = as_owner(server, "postgres", "select datname, oid from pg_database where datname like 'sample_%'")
    return {str(name): oid for name, oid in rows}


@pytest.mark.parametrize("name", NAMES)
def test_every_planted_fault_names_an_object_that_exists(
    postgres_server: EmbeddedPostgres, sample_platform: dict[str, Dsn], name: str
) -> None:
    assert sample_platform
    database = next(project.database for project in SAMPLE_PROJECTS if project.name == name)
    with connect(postgres_server.dsn(database)) as connection:  # the observer does not see the buckets
        existing = {row[0].replace('"insert"', "insert").replace('"delete"', "delete") for row in connection.execute(OBJECTS.encode())}
    # a label leaves keywords bare where quote_ident quotes them
    assert {fault.object for fault in planted_faults(name)} - existing == set()


@pytest.mark.parametrize(("name", "least", "most"), [("shop-production", 0, 0), ("clinic-messy", 50, 60), ("saas-multitenant", 15, 25)])
def test_the_kinds_of_planted_faults_tell_the_projects_apart(name: str, least: int, most: int) -> None:
    """The grants of the older regime alone are a fault of each table, so the rules are counted that speak."""
    faults = planted_faults(name)
    assert least <= len({fault.rule for fault in faults if not fault.awaits_counters}) <= most
    assert len({(fault.rule, fault.object) for fault in faults}) == len(faults)
    assert all(fault.note for fault in faults)


@pytest.mark.parametrize("name", NAMES)
def test_what_awaits_counters_is_no_fault_and_unknown_about_the_database(name: str) -> None:
    waiting = [fault for fault in planted_faults(name) if fault.awaits_counters]
    assert [fault.rule for fault in waiting] == ["IDX002", "IDX004", "PRF001", "PRF003"]
    assert {(fault.object.split(" ")[0], fault.outcome) for fault in waiting} == {("database", Outcome.UNKNOWN)}


@pytest.mark.parametrize(
    "entry",
    [
        "{rule: RLS001, note: no object}",
        "{rule: RLS001, object: table a.b, objects: [table a.c], note: both}",
        "{rule: RLS001, objects: [], note: none of them}",
        "{rule: RLS001, objects: [table a.b, table a.b], note: the same twice}",
        "{rule: RLS001, objects: table a.b, note: no list}",
        "{rule: RLS001, object: table a.b}",
        "{rule: RLS001, object: table a.b, note: a comma, which cuts the note}",
    ],
)
def test_an_entry_that_says_too_little_or_too_much_is_refused(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setattr(module, "read_sql", lambda _name: f"not-counted-yet: []\nshop-production:\n  - {entry}\n")
    with pytest.raises(ConfigurationError, match=r"truth\.yaml"):
        planted_faults("shop-production")


def test_the_messy_project_has_faults_of_every_family() -> None:
    families = {fault.rule[:3] for fault in planted_faults("clinic-messy")}
    assert families >= {"RLS", "API", "FUN", "SEC", "EXT", "TEN", "FKY", "IDX", "AUD", "KEY", "TYP"}


def test_what_cannot_be_decided_is_planted_as_unknown() -> None:
    faults = [fault for name in NAMES for fault in planted_faults(name) if not fault.awaits_counters]
    assert [fault.object for fault in faults if fault.outcome is Outcome.UNKNOWN] == [
        "storage_bucket avatars",
        "foreign_server old_laboratory",
        "table public.time_entries",
    ]


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=NAMES)
def test_the_sql_marks_every_rule_that_it_breaks(project: module.SampleProject) -> None:
    text = "\n".join(read_sql(f"sandbox/sample_platform/{name}") for name in (*project.support_files, *project.sql_files))
    marks = [line.split("FAULT", 1)[1].split("clean")[0] for line in text.splitlines() if "FAULT" in line]
    marked = {code for mark in marks for code in re.findall(r"[A-Z]{3}\d{3}", mark)}
    assert marked == {fault.rule for fault in planted_faults(project.name) if not fault.awaits_counters}


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=NAMES)
def test_no_secret_stands_in_the_sql(project: module.SampleProject) -> None:
    """What is planted as one is put together when the project is made: scanners of repositories are right to ask no questions."""
    for name in (*project.support_files, *project.sql_files):
        assert secrets_in(read_sql(f"sandbox/sample_platform/{name}")) == ()


def test_faults_of_an_unknown_project_are_not_an_empty_list() -> None:
    with pytest.raises(ConfigurationError, match="shop-production"):
        planted_faults("shop")


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=NAMES)
def test_projects_have_tables_rows_functions_policies_and_buckets(
    postgres_server: EmbeddedPostgres, sample_platform: dict[str, Dsn], project: module.SampleProject
) -> None:
    assert sample_platform
    counts = as_owner(
        postgres_server,
        project.database,
        """
        select (select count(*) from pg_class where relkind in ('r', 'p') and not relispartition and relowner = 'postgres'::regrole
                  and relnamespace::regnamespace::text in ('public', 'private', 'internal', 'api', 'reporting')),
               (select sum(reltuples)::bigint from pg_class where relkind in ('r', 'p') and relowner = 'postgres'::regrole),
               (select count(*) from pg_proc where proowner = 'postgres'::regrole and prosecdef),
               (select count(*) from pg_policies where schemaname = 'public'),
               (select count(*) from storage.buckets),
               (select count(*) from pg_matviews where ispopulated),
               (select count(*) from pg_type where typtype in ('e', 'd') and typowner = 'postgres'::regrole)
        """,
    )[0]
    tables, rows, definer_functions, policies, buckets, materialized_views, types = (int(str(count)) for count in counts)
    assert 15 <= tables <= 40
    assert rows > 3000
    assert min(definer_functions, materialized_views) >= 1
    assert policies >= 10
    assert min(buckets, types) >= 2


def test_project_objects_belong_to_the_role_that_customers_have(postgres_server: EmbeddedPostgres, sample_platform: dict[str, Dsn]) -> None:
    owners = Counter(
        owner
        for project in SAMPLE_PROJECTS
        for (owner,) in as_owner(postgres_server, project.database, "select tableowner from pg_tables where schemaname = 'public'")
    )
    assert sample_platform
    assert set(owners) == {"postgres"}


@pytest.mark.parametrize("name", NAMES)
def test_scans_run_as_a_role_that_reads_no_data(sample_platform: dict[str, Dsn], name: str) -> None:
    with connect(sample_platform[name]) as connection:
        assert connection.execute("select current_user").fetchone() == (OBSERVER_ROLE,)
        table = "tenants" if name.startswith("shop") else "clinics" if name.startswith("clinic") else "organizations"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select count(*) from public.{table}".encode())


def test_a_merchant_sees_its_own_rows_only(postgres_server: EmbeddedPostgres, sample_platform: dict[str, Dsn]) -> None:
    assert sample_platform
    with connect(postgres_server.dsn("sample_shop", "authenticator"), autocommit=False) as connection:
        connection.execute("set local role authenticated")
        assert connection.execute("select count(*) from public.orders").fetchone() == (0,)
        claims = "jsonb_build_object('tenant_id', md5('shop tenant 1')::uuid)::text"
        connection.execute(f"select set_config('request.jwt.claims', {claims}, true)".encode())
        assert connection.execute("select count(*), count(distinct tenant_id) from public.orders").fetchone() == (200, 1)


def test_a_server_that_is_too_old_is_refused_in_words(tmp_path: Path) -> None:
    old = EmbeddedPostgres(tmp_path, binaries=Binaries(tmp_path, "14.19", "test"))
    with pytest.raises(SandboxError, match=r"needs PostgreSQL 15 .* 14\.19"):
        create_sample_platform(old)


def test_making_it_again_changes_nothing(own_server: EmbeddedPostgres) -> None:
    first = create_sample_platform(own_server)
    before = oids(own_server)
    as_owner(own_server, "sample_clinic", "create table if not exists public.made_by_a_visitor ()")
    assert create_sample_platform(own_server) == first
    assert oids(own_server) == before
    assert as_owner(own_server, "sample_clinic", "select to_regclass('public.made_by_a_visitor') is not null") == [(True,)]


def test_a_database_made_from_other_sql_is_made_anew(own_server: EmbeddedPostgres) -> None:
    create_sample_platform(own_server)
    before = oids(own_server)
    as_owner(own_server, "sample_saas", "comment on database sample_saas is 'platformkit sample of an earlier release'")
    create_sample_platform(own_server)
    after = oids(own_server)
    assert after["sample_saas"] != before["sample_saas"]
    assert after["sample_shop"] == before["sample_shop"]


def test_dropping_removes_all_three_databases_and_may_be_repeated(own_server: EmbeddedPostgres) -> None:
    create_sample_platform(own_server)
    for _ in range(2):
        drop_sample_platform(own_server)
        assert oids(own_server) == {}


def test_a_build_that_fails_leaves_no_database_that_looks_finished(own_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_sample_platform(own_server)
    broken = "create table public.half (); select 1 / 0"
    monkeypatch.setattr(module, "read_sql", lambda name: broken if "clinic_schema" in name else read_sql(name))
    with pytest.raises(SandboxError, match=r"clinic_schema.sql .* division by zero"):
        create_sample_platform(own_server)
    monkeypatch.undo()
    assert not database_exists(own_server.dsn(), "sample_clinic")
    assert database_exists(own_server.dsn(), "sample_shop")
    create_sample_platform(own_server)
    assert sorted(oids(own_server)) == ["sample_clinic", "sample_saas", "sample_shop"]


def test_a_killed_build_is_repaired_by_the_next_one(own_server: EmbeddedPostgres) -> None:
    drop_sample_platform(own_server)
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(own_server.root)])
    deadline = time.monotonic() + 60
    while "sample_clinic_unfinished" not in oids(own_server):
        assert time.monotonic() < deadline, "the builder did not begin"
        time.sleep(0.01)
    builder.kill()
    builder.wait()
    create_sample_platform(own_server)
    assert sorted(oids(own_server)) == ["sample_clinic", "sample_saas", "sample_shop"]


def test_two_builders_at_once_make_one_platform(own_server: EmbeddedPostgres) -> None:
    drop_sample_platform(own_server)
    builders = [subprocess.Popen([sys.executable, "-c", BUILDER, str(own_server.root)]) for _ in range(2)]
    assert [builder.wait(timeout=60) for builder in builders] == [0, 0]
    assert sorted(oids(own_server)) == ["sample_clinic", "sample_saas", "sample_shop"]
