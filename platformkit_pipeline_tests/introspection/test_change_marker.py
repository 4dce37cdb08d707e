"""The marker of a schema: another one after every change of the schema, the same after everything else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.change_marker import change_marker
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError, TargetUnreachable
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.introspection.schema_changes import BEFOREHAND, CHANGES, NO_CHANGES


@pytest.fixture
def connection(supabase_database: Dsn) -> Iterator[psycopg.Connection]:
    """Autocommit, as superuser; takes its roles with it, which the other databases of the server would see."""
    with psycopg.connect(supabase_database.reveal(), autocommit=True) as made:
        made.execute(BEFOREHAND.encode())
        yield made
        made.execute(
            "reassign owned by schema_changes_role to current_user; drop owned by schema_changes_role; drop role schema_changes_role"
        )


def _unnoticed(connection: psycopg.Connection, dsn: Dsn, statements: tuple[str, ...], *, both: bool = False) -> tuple[list[str], list[str]]:
    """Statements after which the marker is the same, and those of them after which the fingerprint is another."""
    unnoticed, wrong = [], []
    marker, fingerprint = change_marker(dsn), ""
    if both:
        fingerprint = catalog_fingerprint(observe(dsn, counters=False))
    for statement in statements:
        connection.execute(statement.replace("{database}", connection.info.dbname).encode())
        after = change_marker(dsn)
        if after == marker:
            unnoticed.append(statement)
        if both:
            now = catalog_fingerprint(observe(dsn, counters=False))
            if now != fingerprint and after == marker:
                wrong.append(statement)
            fingerprint = now
        marker = after
    return unnoticed, wrong


def test_every_change_of_the_schema_gives_another_marker_and_nothing_else_does(
    connection: psycopg.Connection, supabase_database: Dsn
) -> None:
    unnoticed, _ = _unnoticed(connection, supabase_database, CHANGES)
    assert unnoticed == []
    quiet, _ = _unnoticed(connection, supabase_database, NO_CHANGES)
    assert [statement for statement in NO_CHANGES if statement not in quiet] == []
    connection.execute("discard temp")


@pytest.mark.exhaustive
def test_whatever_changes_the_fingerprint_of_the_catalogue_changes_the_marker(
    connection: psycopg.Connection, supabase_database: Dsn
) -> None:
    _, wrong = _unnoticed(connection, supabase_database, (*CHANGES, *NO_CHANGES), both=True)
    assert wrong == []


def test_a_change_that_is_rolled_back_is_none_and_one_undone_by_another_change_is_one(
    connection: psycopg.Connection, supabase_database: Dsn
) -> None:
    before = change_marker(supabase_database)
    with connection.transaction(force_rollback=True):
        connection.execute("alter table kept.orders add column extra int")
    assert change_marker(supabase_database) == before
    connection.execute("drop policy mine on kept.orders; create policy mine on kept.orders using (tenant_id is not null)")
    assert change_marker(supabase_database) != before


def test_any_login_role_can_ask_and_is_told_the_same(connection: psycopg.Connection, supabase_database: Dsn) -> None:
    connection.execute("create role schema_changes_reader login")
    try:
        reader = with_user(supabase_database, "schema_changes_reader")
        before = change_marker(reader)
        connection.execute("alter table kept.orders enable row level security")
        assert before != change_marker(reader) == change_marker(supabase_database)
    finally:
        connection.execute("drop role schema_changes_reader")


@pytest.mark.timeout(60)
def test_a_server_that_accepts_and_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        # What the connection string asks for is not waited for either.
        hanging = Dsn(f"postgresql://me:correct-horse-42@127.0.0.1:{port}/shop?connect_timeout=600", origin="a test")
        with pytest.raises(TargetUnreachable, match="no answer in time") as raised:
            change_marker(hanging, connect_seconds=1)
    assert "correct-horse-42" not in str(raised.value)


@pytest.mark.timeout(60)
def test_a_catalogue_that_somebody_has_locked_is_not_waited_for(connection: psycopg.Connection, supabase_database: Dsn) -> None:
    with connection.transaction():
        connection.execute("lock table pg_catalog.pg_policy in access exclusive mode")
        with pytest.raises(ObservationError, match="lock timeout"):
            change_marker(supabase_database)
    assert len(change_marker(supabase_database)) == 32


def test_what_is_no_connection_string_is_said_without_it() -> None:
    with pytest.raises(ConfigurationError, match="a test is not a valid PostgreSQL connection string") as raised:
        change_marker(Dsn("postgresql://me:pa/h1dden@me@host:5432/shop", origin="a test"))
    assert "h1dden" not in str(raised.value)
