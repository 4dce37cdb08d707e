"""Databases on a server, and the connection strings that lead to them."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, SandboxError, TargetUnreachable
from platformkit_pipeline.sandbox.databases import (
    connect,
    create_database,
    database_exists,
    drop_database,
    ensure_database,
    rename_database,
    with_database,
    with_user,
)


def current(dsn: Dsn) -> tuple[str, str]:
    with psycopg.connect(dsn.reveal()) as connection:
        row = connection.execute("select current_database(), current_user").fetchone()
    assert row is not None
    return row[0], row[1]


def test_a_new_database_is_empty_and_can_be_connected_to(blank_database: Dsn) -> None:
    with connect(blank_database) as connection:
        assert connection.execute("select count(*) from pg_class where relnamespace = 'public'::regnamespace").fetchone() == (0,)


def test_making_a_database_twice_is_an_error_but_ensuring_it_is_not(admin_dsn: Dsn) -> None:
    try:
        first = ensure_database(admin_dsn, "made twice")
        assert ensure_database(admin_dsn, "made twice") == first
        with pytest.raises(SandboxError, match="already exists"):
            create_database(admin_dsn, "made twice")
        assert current(first)[0] == "made twice"
    finally:
        drop_database(admin_dsn, "made twice")
    assert not database_exists(admin_dsn, "made twice")


def test_dropping_ends_the_connections_of_others(admin_dsn: Dsn) -> None:
    dsn = create_database(admin_dsn, "in_use")
    with psycopg.connect(dsn.reveal()) as connection:
        drop_database(admin_dsn, "in_use")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")


def test_dropping_a_database_that_is_not_there_is_no_error(admin_dsn: Dsn) -> None:
    drop_database(admin_dsn, "never_made")
    assert not database_exists(admin_dsn, "never_made")


def test_a_database_can_be_copied_from_a_template_and_renamed(admin_dsn: Dsn, blank_database: Dsn) -> None:
    with connect(blank_database) as connection:
        connection.execute("create table public.marker (id int)")
    source = current(blank_database)[0]
    copy = create_database(admin_dsn, "copy_before_rename", template=source)
    with connect(copy) as connection:
        connection.execute("table public.marker")
    rename_database(admin_dsn, "copy_before_rename", "copy_after_rename")
    try:
        assert current(with_database(admin_dsn, "copy_after_rename"))[0] == "copy_after_rename"
    finally:
        drop_database(admin_dsn, "copy_after_rename")


def test_a_socket_url_and_the_keyword_form_lead_to_the_same_place(admin_dsn: Dsn, blank_database: Dsn) -> None:
    name = current(blank_database)[0]
    with connect(admin_dsn) as connection:
        keywords = Dsn(f"host='{connection.info.host}' port={connection.info.port} user=supabase_admin dbname=postgres")
    assert current(with_database(admin_dsn, name)) == current(with_database(keywords, name)) == (name, "supabase_admin")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://me:pw@db.example:6543/a?sslmode=require", "postgresql://me:pw@db.example:6543/b?sslmode=require"),
        ("host=db.example dbname=a user=me password='p w'", "postgresql://me:p%20w@db.example/b"),
        ("postgresql://me@[::1]:5433/a", "postgresql://me@[::1]:5433/b"),
        ("postgresql:///a?host=/run/postgresql", "postgresql:///b?host=%2Frun%2Fpostgresql"),
        ("postgresql://me@one:1,two:2/a", "postgresql://me@/b?host=one%2Ctwo&port=1%2C2"),
    ],
)
def test_only_the_database_changes(given: str, expected: str) -> None:
    assert with_database(Dsn(given), "b").reveal() == expected


def test_another_user_does_not_inherit_the_password() -> None:
    assert with_user(Dsn("postgresql://me:hunter2@db/a"), "you").reveal() == "postgresql://you@db/a"
    assert with_user(Dsn("postgresql://me:hunter2@db/a"), "you", "p@ss").reveal() == "postgresql://you:p%40ss@db/a"


def test_names_with_special_characters_survive_in_a_url() -> None:
    assert current_name(with_database(Dsn("postgresql://me@db/a"), "A/b ?c")) == "A/b ?c"


def current_name(dsn: Dsn) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(dsn.reveal())["dbname"])


def test_a_malformed_string_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="environment variable SHOP_URL") as caught:
        with_database(Dsn("postgresql://me:hunter2@db:notaport:9/x y z=?", "environment variable SHOP_URL"), "b")
    assert "hunter2" not in str(caught.value)


def test_a_refused_connection_is_reported_without_the_password(admin_dsn: Dsn) -> None:
    with pytest.raises(TargetUnreachable) as caught, connect(with_user(with_database(admin_dsn, "not_there"), "supabase_admin", "hunter2")):
        pass
    assert "not_there" in str(caught.value)
    assert "hunter2" not in str(caught.value)
