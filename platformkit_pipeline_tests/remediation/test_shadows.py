"""A shadow is its target by fingerprint, object by object; where it is not, it says so."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.catalogue import make_catalogue, prepare_server
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import DatabaseSettings, Snapshot, Unobserved
from platformkit_pipeline.model.snapshot_inventory import (
    inventory_of,
    relation_statistics_from_json,
    relation_statistics_to_json,
    server_from_json,
    server_to_json,
    snapshot_of,
)
from platformkit_pipeline.remediation.faithfulness import REBUILT, Comparison
from platformkit_pipeline.remediation.shadows import ShadowServer, ShadowTemplate
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, Source, rules_for
from platformkit_pipeline.sandbox.binaries import find_binaries
from platformkit_pipeline.sandbox.databases import connect, drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS
from platformkit_pipeline_tests.foreign_schemas.test_foreign_schemas import MAKERS, NAMES
from platformkit_pipeline_tests.remediation.conftest import SCHEMAS, binaries_in, every_server
from platformkit_pipeline_tests.rules.conftest import run_sql

Make = Callable[[Path, str], Dsn]


def assert_equal(template: ShadowTemplate, target: Snapshot, at_least: int) -> None:
    """`at_least` so many objects were compared: two empty databases are equal as well."""
    expected = object_fingerprints(target)
    assert dict(template.unfaithful) == {}
    assert template.faithful
    assert object_fingerprints(template.snapshot) == expected
    assert template.base_fingerprint == catalog_fingerprint(target)
    assert len(expected) >= at_least


# ------------------------------------------------------------------------------------------- the same as its target


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("bindir", every_server(), ids=str)
def test_shadow_of_something_of_every_kind_equals_it(bindir: Path, schema: str, make_target: Make, tmp_path: Path) -> None:
    target = observe(make_target(bindir, schema))
    with ShadowServer(parent=tmp_path / "shadows", binaries=binaries_in(bindir)) as shadows:
        assert_equal(shadows.template(target), target, at_least=240)


def test_shadow_on_a_newer_server_than_its_target_equals_it(make_target: Make, shadows: ShadowServer) -> None:
    target = observe(make_target(_oldest(), "rich"))
    assert_equal(shadows.template(target), target, at_least=240)


def test_what_a_newer_server_does_in_another_way_is_reported(make_target: Make, shadows: ShadowServer) -> None:
    """From 17 on partitions share the identity column of their parent."""
    target = observe(make_target(_oldest(), "kitchen_sink"))
    changed = target.server.version_num < 17_00_00 <= find_binaries().major * 1_00_00
    expected = {"column public.events_far.id", "column public.hashed_0.id"} if changed else set()
    assert shadows.template(target).unfaithful == dict.fromkeys(sorted(expected), "differs: identity")


def _oldest() -> Path:
    return min(every_server(), key=lambda bindir: binaries_in(bindir).major)


def test_dump_of_a_shadow_is_the_dump_of_its_target(make_target: Make, shadows: ShadowServer, postgres_server: EmbeddedPostgres) -> None:
    """What no observation shows would stand out here: names of NOT NULL constraints and options of foreign tables are all."""
    bindir = postgres_server.binaries.bindir
    if not (bindir / "pg_dump").exists():
        pytest.skip(f"there is no pg_dump in {bindir}")
    target = make_target(bindir, "kitchen_sink")
    shadows.template(observe(target))

    def lines(dsn: Dsn) -> set[str]:
        made = subprocess.run([bindir / "pg_dump", "--schema-only", dsn.reveal()], capture_output=True, text=True, check=True).stdout
        made = re.sub(r" CONSTRAINT \S+ NOT NULL", " NOT NULL", made).replace("FOREIGN TABLE ONLY", "FOREIGN TABLE")  # 18 adds a word
        return {line.rstrip(",; ") for line in made.splitlines() if not line.startswith(("--", "\\"))}

    theirs, ours = lines(target), lines(shadows.fresh())
    assert len(theirs) > 400
    assert {line.strip() for line in ours - theirs} == {
        "WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE')",
        "password '[platformkit:secret:password]'",
        "host '/nonexistent'",
    }
    assert {line.strip() for line in theirs - ours} == {
        "WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')",
        "password 'hunter2-hunter2'",
        "host 'db.example'",
        "column_name 'text'",
        "table_name 'x'",
        "OPTIONS (",
        'ALTER FOREIGN TABLE public.remote ALTER COLUMN "Text" OPTIONS (',
    }


@pytest.mark.parametrize("project", [p.name for p in SAMPLE_PROJECTS])
def test_shadow_of_a_sample_project_equals_it_and_is_judged_alike(
    project: str, sample_platform: dict[str, Dsn], shadows: ShadowServer
) -> None:
    """The target is seen by the observer role, the shadow by its superuser."""
    target = observe(sample_platform[project])
    template = shadows.template(target)
    assert_equal(template, target, at_least=400)
    declarations = next(p.declarations for p in SAMPLE_PROJECTS if p.name == project)
    book = tuple(rule for rule in rules_for(Scope.PROJECT) if rule.source is Source.CATALOG)

    def findings(snapshot: Snapshot) -> set[tuple[str, str]]:
        """Without what the observer has to leave open; the name of the database is another one."""
        failed = [r for r in evaluate(snapshot, declarations, book) if r.outcome is Outcome.FAIL]
        return {(r.rule, r.object.canonical.replace(f"database {snapshot.server.database}", "database")) for r in failed}

    assert findings(template.snapshot) == findings(target)
    assert findings(target) or project == "shop-production"


def test_shadow_of_the_well_kept_schema_equals_it(supabase_database: Dsn, shadows: ShadowServer) -> None:
    with connect(with_user(supabase_database, "postgres")) as connection:
        connection.execute(read_sql("sandbox/well_kept.sql").encode())
    target = observe(supabase_database)
    assert_equal(shadows.template(target), target, at_least=50)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
def test_shadow_of_a_schema_that_nobody_here_wrote_equals_it(name: str, blank_database: Dsn, shadows: ShadowServer) -> None:
    MAKERS[name](blank_database)
    target = observe(blank_database)
    assert_equal(shadows.template(target), target, at_least=100)


@pytest.mark.exhaustive
def test_shadow_of_a_thousand_tables_equals_them(postgres_server: EmbeddedPostgres, supabase_template: str, shadows: ShadowServer) -> None:
    prepare_server(postgres_server)
    try:
        target = observe(make_catalogue(postgres_server, supabase_template, "thousand", 1000))
    finally:
        drop_database(postgres_server.dsn(), "thousand")
        run_sql(postgres_server.dsn(), "drop role bench_reporting; drop role bench_backend", role=postgres_server.superuser)
    assert_equal(shadows.template(target), target, at_least=20_000)


def test_shadow_of_a_stored_observation_equals_the_target(
    make_target: Make, shadows: ShadowServer, postgres_server: EmbeddedPostgres
) -> None:
    target = observe(make_target(postgres_server.binaries.bindir, "rich"))
    stored = snapshot_of(
        server_from_json(json.loads(json.dumps(server_to_json(target.server)))),
        inventory_of(target),
        relation_statistics_from_json(relation_statistics_to_json(target.relation_statistics)),
    )
    assert_equal(shadows.template(stored), target, at_least=240)


def test_shadow_of_an_empty_database_is_empty(blank_database: Dsn, shadows: ShadowServer) -> None:
    target = observe(blank_database)
    template = shadows.template(target)
    assert template.faithful
    assert "table public.anything" not in object_fingerprints(template.snapshot)


# ------------------------------------------------------------------------------------------------- what is made of it


def test_copies_are_apart_and_the_owners_of_a_supabase_project_are_no_superusers(
    sample_platform: dict[str, Dsn], shadows: ShadowServer
) -> None:
    template = shadows.template(observe(sample_platform["saas-multitenant"]))
    first, second = shadows.fresh(), shadows.fresh("by_name")
    with connect(shadows.as_owner(first)) as connection:
        connection.execute("create table public.only_in_the_first (id integer)")
        assert connection.execute("select current_user, current_setting('is_superuser')").fetchone() == ("postgres", "off")
    with connect(second) as connection:
        assert connection.execute("select current_database(), to_regclass('public.only_in_the_first')").fetchone() == ("by_name", None)
        assert connection.execute("select current_setting('is_superuser')").fetchone() == ("on",)
    assert catalog_fingerprint(observe(second)) == template.base_fingerprint
    shadows.drop(first)
    shadows.drop(first)
    with pytest.raises(SandboxError, match="by_name"):
        shadows.fresh("by_name")


def test_policies_of_a_copy_are_asked_as_on_the_platform(sample_platform: dict[str, Dsn], shadows: ShadowServer) -> None:
    """auth.uid() answers, a key to auth.users holds, and the API's schemas are those of the target."""
    target = observe(sample_platform["saas-multitenant"])
    shadows.template(target)
    with connect(shadows.fresh()) as connection:
        connection.execute("select set_config('request.jwt.claims', '{\"sub\": \"00000000-0000-0000-0000-000000000001\"}', false)")
        assert connection.execute("select auth.uid()::text").fetchone() == ("00000000-0000-0000-0000-000000000001",)
        query = "select unnest(setconfig) from pg_db_role_setting join pg_roles r on r.oid = setrole where rolname = 'authenticator'"
        assert ("pgrst.db_schemas=public, graphql_public, api, pgmq_public",) in connection.execute(query).fetchall()
        (keys,) = connection.execute("select count(*) from pg_constraint where confrelid = 'auth.users'::regclass").fetchone() or (0,)
    assert keys == sum((c.referenced_schema, c.referenced_relation) == ("auth", "users") for c in target.constraints) > 1


def test_settings_of_the_database_are_those_of_the_target(
    make_target: Make, shadows: ShadowServer, postgres_server: EmbeddedPostgres
) -> None:
    shadows.template(observe(make_target(postgres_server.binaries.bindir, "kitchen_sink")))
    with connect(shadows.as_owner(shadows.fresh())) as connection:
        assert connection.execute("select current_setting('app.theme')").fetchone() == ("dark",)


def test_libraries_of_the_platform_keep_nobody_out(blank_database: Dsn, shadows: ShadowServer) -> None:
    """On the platform some roles load one when they log in; who is to work on a shadow does not."""
    with connect(blank_database) as connection:
        connection.execute("create role cautious login; alter role cautious set session_preload_libraries = 'safeupdate'")
        connection.execute("alter schema public owner to cautious; alter role cautious set search_path = 'a b', public")
    try:
        target = observe(blank_database)
    finally:
        with connect(blank_database) as connection:
            connection.execute("alter schema public owner to pg_database_owner; drop role cautious")
    locked_out = dataclasses.replace(target, database_settings=(DatabaseSettings("x", (("session_preload_libraries", "safeupdate"),)),))
    assert shadows.template(locked_out).faithful
    with connect(shadows.as_owner(shadows.fresh())) as connection:
        assert connection.execute("show session_preload_libraries").fetchone() == ("",)


def test_no_foreign_server_is_reached_from_a_shadow(make_target: Make, shadows: ShadowServer, postgres_server: EmbeddedPostgres) -> None:
    shadows.template(observe(make_target(postgres_server.binaries.bindir, "kitchen_sink")))
    with connect(shadows.fresh()) as connection, pytest.raises(psycopg.Error, match=r"could not connect to server|/nonexistent"):
        connection.execute('create user mapping for current_user server "Far Away"; select * from public.remote')


def test_a_second_template_replaces_the_first(supabase_database: Dsn, blank_database: Dsn, shadows: ShadowServer) -> None:
    shadows.template(observe(supabase_database))
    lost = shadows.fresh()
    shadows.template(observe(blank_database))
    with connect(shadows.fresh()) as connection:
        assert connection.execute("select to_regnamespace('auth')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lost.reveal())


def test_without_a_template_there_is_nothing_to_copy(shadows: ShadowServer) -> None:
    with pytest.raises(SandboxError, match="make its template first"):
        shadows.fresh()


# ------------------------------------------------------------------------------------------- what differs is reported

WHAT_IS_NOT_OBSERVED = {
    "create operator public.=== (leftarg = text, rightarg = text, function = texteq);"
    "create view public.matching as select a.body from public.notes a join public.notes b on a.body operator(public.===) b.body;"
    "create view public.over as select body from public.matching": {
        "view public.matching": "missing: operator does not exist: text public.=== text",
        "view public.over": 'missing: relation "public.matching" does not exist',
        "column public.matching.body": "missing: it comes with another object that is missing or has another name",
        "column public.over.body": "missing: it comes with another object that is missing or has another name",
    },
    "create collation public.german (locale = 'POSIX');"
    "alter table public.notes add sorted text collate public.german; create index by_sorted on public.notes (sorted)": {
        "column public.notes.sorted": "differs: its collation is known by name only",
    },
    "create text search configuration public.own (copy = pg_catalog.simple);"
    "create table public.found (id integer primary key, body text, words tsvector"
    " generated always as (to_tsvector('public.own'::regconfig, body)) stored);"
    "alter table public.found enable row level security; create policy mine on public.found using (id = 1)": {
        "column public.found.words": "differs: default, generated",
    },
    "create function public.one() returns integer language sql as 'select 1';"
    "create materialized view public.calling as select public.one() as n;"
    "create materialized view public.over as select n from public.calling;"
    "create materialized view public.plain as select count(*) from public.notes": {
        "materialized_view public.calling": "differs: not filled, because that would run functions of the target or ask a foreign server",
        "materialized_view public.over": "differs: not filled, because that would run functions of the target or ask a foreign server",
    },
    "create text search configuration public.words (copy = pg_catalog.simple);"
    "create index found on public.notes using gin (to_tsvector('public.words', body))": {
        "index public.notes.found": 'missing: text search configuration "public.words" does not exist',
    },
}
"""Statements, and what a shadow says that lacks what they made."""


@pytest.mark.parametrize("statements", WHAT_IS_NOT_OBSERVED)
def test_what_cannot_be_rebuilt_is_named_with_the_reason_and_nothing_else_is(
    statements: str, blank_database: Dsn, shadows: ShadowServer
) -> None:
    with connect(blank_database) as connection:
        connection.execute("create table public.notes (body text)")
        connection.execute(statements.encode())
    template = shadows.template(observe(blank_database))
    assert dict(template.unfaithful) == WHAT_IS_NOT_OBSERVED[statements]
    assert not template.faithful


def test_what_the_observer_could_not_read_is_named(blank_database: Dsn, shadows: ShadowServer) -> None:
    why = "no SELECT privilege on pg_policy"
    target = dataclasses.replace(observe(blank_database), policies=(), unobserved=(Unobserved("policies", why),))
    assert shadows.template(target).unfaithful == {"catalog_kind policies": f"missing: not observed: {why}"}


def test_where_roles_were_not_read_those_that_objects_name_are_made_and_all_of_them_are_named(
    sample_platform: dict[str, Dsn], shadows: ShadowServer
) -> None:
    target = observe(sample_platform["saas-multitenant"])
    blind = dataclasses.replace(target, roles=(), role_memberships=(), unobserved=(Unobserved("roles", "no SELECT privilege on pg_roles"),))
    template = shadows.template(blind)
    reported = {name: why for name, why in template.unfaithful.items() if not name.startswith("role ")}
    assert reported == {"catalog_kind roles": "missing: not observed: no SELECT privilege on pg_roles"}
    assert {"role anon", "role authenticated", "role postgres"} <= {n for n, why in template.unfaithful.items() if why == "additional"}


def test_a_setting_that_would_keep_us_out_is_left_away_and_named(supabase_database: Dsn, shadows: ShadowServer) -> None:
    target = observe(supabase_database)
    loading = (("session_preload_libraries", "auto_explain_of_the_platform"),)
    roles = tuple(dataclasses.replace(r, settings=loading) if r.name in ("postgres", "anon") else r for r in target.roles)
    template = shadows.template(dataclasses.replace(target, roles=roles))
    assert dict(template.unfaithful) == {"role postgres": "differs: settings"}
    with connect(shadows.as_owner(shadows.fresh())) as connection:
        assert connection.execute("select current_user::text").fetchone() == ("postgres",)


def test_a_masked_secret_is_told_apart_from_the_word_it_hides(blank_database: Dsn, shadows: ShadowServer) -> None:
    with connect(blank_database) as connection:
        for name, text in (("call", "sbp" + "_bf7888a19da9989336e66a304c11124d99327426"), ("other", "word")):
            connection.execute(f"create function public.{name}() returns text language sql as $$ select '{text}' $$".encode())
    template = shadows.template(observe(blank_database))
    assert template.faithful
    assert template.masked == {"function public.call()"}


@pytest.mark.parametrize("field", REBUILT)
def test_no_difference_of_any_kind_stays_hidden(field: str, make_target: Make, postgres_server: EmbeddedPostgres) -> None:
    """Whatever is taken out of one side, the comparison names, if the fingerprint knows it at all."""
    target = observe(make_target(postgres_server.binaries.bindir, "rich"))
    records = getattr(target, field)
    known = object_fingerprints(target)
    shown = 0
    for record in records:
        changes: dict[str, Any] = {field: tuple(r for r in records if r is not record)}
        less = dataclasses.replace(target, **changes)
        gone = known.keys() - object_fingerprints(less).keys()
        missing, additional = Comparison(target, less, ()).unfaithful(), Comparison(less, target, ()).unfaithful()
        assert {name for name, why in missing.items() if why.startswith("missing: ")} == gone
        assert {name for name, why in additional.items() if why == "additional"} == gone
        shown += bool(gone)
        if shown == 5:
            break
    assert shown
