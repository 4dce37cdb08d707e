"""The fingerprint moves when the schema does, and with nothing else: not with the server's major, a restore, or a row."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.binaries import Binaries, find_binaries
from platformkit_pipeline.sandbox.databases import connect, create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

BINDIRS_VARIABLE = "PLATFORMKIT_TEST_PG_BINDIRS"
"""More folders with server binaries to try, separated as in PATH."""


def other_binaries() -> list[Path]:
    """Every PostgreSQL of this machine beside the one that all tests run on; where there is none, that one again."""
    named = [Path(folder) for folder in os.environ.get(BINDIRS_VARIABLE, "").split(os.pathsep) if folder]
    return [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), *named] or [find_binaries().bindir]


def binaries_in(bindir: Path) -> Binaries:
    answer = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\(PostgreSQL\) ([\d.]+)", answer)
    assert found is not None, answer
    return Binaries(bindir, found.group(1), "test matrix")


def without_what_15_added(fingerprints: dict[str, str]) -> dict[str, str]:
    """What `rich_catalogue_since_15.sql` makes, taken out of a newer server's answer to compare it with 14."""
    added = re.compile(r" (app\.(invoker_view|one_null)\b|by_schema$)")
    return {identity: value for identity, value in fingerprints.items() if not added.search(identity)}


# ------------------------------------------------------------------------------------------- the same schema


@pytest.mark.parametrize("bindir", other_binaries(), ids=str)
def test_the_same_schema_on_another_server_has_the_same_fingerprint(
    bindir: Path, tmp_path: Path, rich_snapshot: Snapshot, load_rich_catalogue: Callable[[Dsn], None]
) -> None:
    server = EmbeddedPostgres(tmp_path, binaries=binaries_in(bindir), settings={"fsync": "off"})
    server.ensure()
    try:
        dsn = create_database(server.dsn(), "rich_catalogue")
        load_rich_catalogue(dsn)
        snapshot = observe(dsn)
    finally:
        server.destroy()
    expected, found = object_fingerprints(rich_snapshot), object_fingerprints(snapshot)
    if snapshot.server.version_num < 150000:
        expected = without_what_15_added(expected)
    assert found == expected


def test_a_restored_dump_has_the_same_fingerprint(
    rich_database: Dsn, rich_snapshot: Snapshot, blank_database: Dsn, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    bindir, script = postgres_server.binaries.bindir, tmp_path / "dump.sql"
    subprocess.run([bindir / "pg_dump", "--schema-only", "--file", script, "--dbname", rich_database.reveal()], check=True)
    subprocess.run(
        [bindir / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--file", script, "--dbname", blank_database.reveal()],
        check=True,
        capture_output=True,
    )
    restored = observe(blank_database)
    assert object_fingerprints(restored) == object_fingerprints(rich_snapshot)
    assert catalog_fingerprint(restored) == catalog_fingerprint(rich_snapshot)


def test_observed_twice_has_the_same_fingerprint(rich_database: Dsn, rich_snapshot: Snapshot) -> None:
    assert catalog_fingerprint(observe(rich_database)) == catalog_fingerprint(rich_snapshot)


def test_fingerprint_is_64_hex_digits_made_of_those_of_the_objects(rich_snapshot: Snapshot) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", catalog_fingerprint(rich_snapshot))
    objects = object_fingerprints(rich_snapshot)
    assert "table app.users" in objects
    assert "function app.add_up(a integer, b integer)" in objects
    assert 'policy app.users."own rows"' in objects


# ------------------------------------------------------------------------------------- what moves and what does not

CHANGES = {
    "alter table app.tenants disable row level security": "table app.tenants",
    "alter table app.users no force row level security": "table app.users",
    "grant select on app.tenants to public": "table app.tenants",
    "grant select (slug) on app.tenants to fixture_reader": "column app.tenants.slug",
    "alter table app.tenants add note text": "column app.tenants.note",
    "alter table app.users alter age set not null": "column app.users.age",
    "alter table app.users alter balance set default 1": "column app.users.balance",
    "alter table app.users drop constraint adult": "constraint app.users.adult",
    "alter table app.users validate constraint later": "constraint app.users.later",
    "drop index app.users_by_tags": "index app.users.users_by_tags",
    "alter policy strict on app.users using (status in ('new', 'older'))": "policy app.users.strict",
    'alter policy "own rows" on app.users to public': 'policy app.users."own rows"',
    "create or replace view app.user_names as select id, email, mood from app.users where age > 19": "view app.user_names",
    "alter view app.invoker_view reset (security_invoker)": "view app.invoker_view",
    "alter function app.add_up(text, text[]) reset search_path": "function app.add_up(a text, VARIADIC rest text[])",
    "alter function app.one() security definer": "function app.one()",
    "revoke execute on function app.one() from public": None,
    "grant execute on function app.one() to public": "function app.one()",
    "create or replace function app.one() returns integer language sql return 1 + 2": "function app.one()",
    "alter table app.users disable trigger stamp_users": "trigger app.users.stamp_users",
    "alter type app.mood add value 'new'": "type app.mood",
    "alter domain app.short_code drop constraint listed": "type app.short_code",
    "alter sequence app.ticket no cycle": "sequence app.ticket",
    "alter extension file_fdw set schema public": "extension file_fdw",
    "alter event trigger watch_ddl disable": "event_trigger watch_ddl",
    "alter publication two_tables drop table app.tenants": "publication two_tables",
    "alter default privileges for role fixture_owner in schema app grant insert on tables to fixture_reader": (
        "default_privilege app.fixture_owner.tables"
    ),
    "comment on table app.tenants is 'who does not pay'": "table app.tenants",
    "create policy own on storage.objects for delete using (owner is null)": "policy storage.objects.own",
    "drop trigger audit_objects on storage.objects": "trigger storage.objects.audit_objects",
}
"""Statement, and the one object whose fingerprint it changes, adds or removes (None: it changes nothing)."""


@pytest.mark.parametrize("statement", CHANGES)
def test_a_change_of_the_schema_moves_the_fingerprint_of_that_object(statement: str, rich_copy: Dsn, rich_snapshot: Snapshot) -> None:
    with connect(rich_copy) as connection:
        connection.execute(statement.encode())
    before, after = object_fingerprints(rich_snapshot), object_fingerprints(observe(rich_copy))
    moved = {identity for identity in before.keys() | after.keys() if before.get(identity) != after.get(identity)}
    expected = CHANGES[statement]
    assert moved == (set() if expected is None else {expected})


@pytest.mark.parametrize(
    "statement",
    [
        "insert into app.base_note values (1, 'x'); analyze app.base_note",
        "insert into storage.buckets values ('more', 'more', true)",
        "alter table storage.objects add platform_column text",
        "create table storage.platform_table (id integer primary key)",
        "alter table app.tenants add passing text; alter table app.tenants drop passing",
    ],
)
def test_what_is_no_change_of_the_owners_schema_moves_nothing(statement: str, rich_copy: Dsn, rich_snapshot: Snapshot) -> None:
    with connect(rich_copy) as connection:
        connection.execute(statement.encode())
    assert object_fingerprints(observe(rich_copy)) == object_fingerprints(rich_snapshot)


def test_order_and_server_do_not_enter(rich_snapshot: Snapshot) -> None:
    other = replace(
        rich_snapshot,
        server=replace(rich_snapshot.server, version="99.1", database="other", system_identifier="1"),
        relations=rich_snapshot.relations[::-1],
        policies=rich_snapshot.policies[::-1],
        relation_statistics=(),
    )
    assert catalog_fingerprint(other) == catalog_fingerprint(rich_snapshot)


def test_schema_called_auth_counts_where_the_database_is_no_supabase_project(rich_snapshot: Snapshot) -> None:
    """Without the platform's role the schema `storage` is somebody's own."""
    plain = replace(rich_snapshot, roles=tuple(role for role in rich_snapshot.roles if role.name != "supabase_admin"))
    assert "table storage.objects" not in object_fingerprints(rich_snapshot)
    assert "table storage.objects" in object_fingerprints(plain)


# ----------------------------------------------------------------------------------------------------- roles


def test_roles_that_matter_to_this_database_count_and_others_do_not(rich_snapshot: Snapshot) -> None:
    roles = {identity for identity in object_fingerprints(rich_snapshot) if identity.startswith("role ")}
    assert {"role fixture_owner", "role fixture_reader", 'role "fixture login"', "role supabase_admin"} <= roles
    assert not any(identity.startswith("role pg_") for identity in roles)
    assert len(roles) < len(rich_snapshot.roles)


def test_role_without_a_tie_to_this_database_moves_nothing(rich_database: Dsn, rich_snapshot: Snapshot) -> None:
    with connect(rich_database) as connection:
        connection.execute("create role unrelated login superuser")
    try:
        seen = observe(rich_database)
    finally:
        with connect(rich_database) as connection:
            connection.execute("drop role unrelated")
    assert "unrelated" in {role.name for role in seen.roles}
    assert object_fingerprints(seen) == object_fingerprints(rich_snapshot)


def test_login_that_becomes_a_member_of_a_role_with_grants_moves_the_fingerprint(rich_copy: Dsn, rich_snapshot: Snapshot) -> None:
    with connect(rich_copy, autocommit=False) as connection:
        connection.execute("create role newcomer login in role fixture_reader")
        connection.commit()
    try:
        after = object_fingerprints(observe(rich_copy))
    finally:
        with connect(rich_copy) as connection:
            connection.execute("drop role newcomer")
    assert after.keys() - object_fingerprints(rich_snapshot).keys() == {"role newcomer", "role_membership fixture_reader.newcomer"}
