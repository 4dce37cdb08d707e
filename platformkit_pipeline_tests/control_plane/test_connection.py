from __future__ import annotations

import pytest

from platformkit_pipeline.control_plane.connection import (
    Connection,
    admin_dsn,
    connect,
    connect_admin,
    control_plane_dsn,
    require_transaction,
    session,
)
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.sandbox.databases import with_database, with_user


def test_without_a_url_the_message_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLATFORMKIT_DATABASE_URL", raising=False)
    with pytest.raises(ControlPlaneError, match="`platformkit up` or `platformkit demo`"):
        control_plane_dsn()


def test_the_admin_url_falls_back_to_that_of_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", "postgresql://pipeline@db/ops")
    monkeypatch.delenv("PLATFORMKIT_ADMIN_DATABASE_URL", raising=False)
    assert admin_dsn() == control_plane_dsn()
    monkeypatch.setenv("PLATFORMKIT_ADMIN_DATABASE_URL", "postgresql://admin@db/ops")
    assert admin_dsn() == Dsn("postgresql://admin@db/ops")
    assert admin_dsn().origin == "environment variable PLATFORMKIT_ADMIN_DATABASE_URL"


def test_a_connection_of_the_pipeline_has_utc_timeouts_and_a_name(pipeline: Connection) -> None:
    settings = {
        name: pipeline.execute("select current_setting(%s)", (name,)).fetchone()
        for name in ("timezone", "lock_timeout", "statement_timeout", "application_name")
    }
    assert settings == {
        "timezone": ("UTC",),
        "lock_timeout": ("30s",),
        "statement_timeout": ("5min",),
        "application_name": ("platformkit",),
    }
    assert not pipeline.autocommit
    assert pipeline.prepare_threshold is None


def test_the_pipeline_refuses_to_run_as_superuser(control_plane: Dsn) -> None:
    with pytest.raises(ControlPlaneError, match=r"does not run as superuser.*PLATFORMKIT_ADMIN_DATABASE_URL"):
        connect(control_plane)
    connect_admin(control_plane).close()


def test_an_unreachable_server_is_named_without_the_password() -> None:
    with pytest.raises(ControlPlaneError) as caught:
        connect(Dsn("postgresql://pipeline:hunter2@127.0.0.1:1/ops"))
    assert "at 127.0.0.1 port 1" in str(caught.value)
    assert "is the server up" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["postgresql://pipeline:hunter2@[::1/ops", "password=hunter2 host", "hunter2"])
def test_a_malformed_string_is_named_by_its_origin_and_not_repeated(text: str) -> None:
    with pytest.raises(ControlPlaneError) as caught:
        connect(Dsn(text, origin="environment variable PLATFORMKIT_DATABASE_URL"))
    expected = "control plane: environment variable PLATFORMKIT_DATABASE_URL is not a PostgreSQL URL or keyword/value string"
    assert str(caught.value) == expected


def test_a_port_that_is_no_number_is_an_error_without_the_password() -> None:
    with pytest.raises(ControlPlaneError, match="at b port nine") as caught:
        connect(Dsn("postgresql://a:hunter2@b:nine/x"))
    assert "hunter2" not in str(caught.value)


def test_a_statement_of_ours_that_is_wrong_is_not_blamed_on_the_server(pipeline_dsn: Dsn) -> None:
    with pytest.raises(ControlPlaneError) as caught, session(pipeline_dsn) as connection:
        connection.execute("select %s", (1, 2))
    assert "placeholder" in str(caught.value)
    assert "is the server up" not in str(caught.value)


def test_a_server_that_refuses_is_quoted_and_not_called_unreachable(control_plane: Dsn) -> None:
    with pytest.raises(ControlPlaneError, match='database "nowhere" does not exist') as caught:
        connect(with_database(control_plane, "nowhere"))
    assert "is the server up" not in str(caught.value)


def test_a_session_commits_at_the_end(pipeline_dsn: Dsn) -> None:
    with session(pipeline_dsn) as connection:
        connection.execute("insert into ops.metrics (name, value, unit) values ('kept', 1, 'objects')")
    with session(pipeline_dsn) as connection:
        assert connection.execute("select name from ops.metrics").fetchall() == [("kept",)]


def failing_step(dsn: Dsn) -> None:
    with session(dsn) as connection:
        connection.execute("insert into ops.metrics (name, value, unit) values ('lost', 1, 'objects')")
        raise KeyError("of the caller")


def test_a_session_rolls_back_on_an_error_and_lets_it_through(pipeline_dsn: Dsn) -> None:
    with pytest.raises(KeyError):
        failing_step(pipeline_dsn)
    with session(pipeline_dsn) as connection:
        assert connection.execute("select name from ops.metrics").fetchall() == []


def step_that_loses_its_server(dsn: Dsn, superuser: Connection) -> None:
    with session(dsn) as connection:
        superuser.execute("select pg_terminate_backend(%s, 10000)", (connection.info.backend_pid,))
        connection.execute("select 1")


def test_a_server_that_goes_away_becomes_a_control_plane_error(pipeline_dsn: Dsn, superuser: Connection) -> None:
    with pytest.raises(ControlPlaneError, match="terminating connection"):
        step_that_loses_its_server(pipeline_dsn, superuser)


def test_a_login_without_rights_is_told_to_check_the_migrations(blank_database: Dsn, control_plane: Dsn) -> None:
    with connect_admin(control_plane) as connection:
        connection.execute("create role passer_by login")  # unlike its databases, a server's roles outlive a test
    connection.close()
    try:
        with (
            pytest.raises(ControlPlaneError, match=r"permission denied for schema ops.*platformkit db migrate"),
            session(with_user(control_plane, "passer_by")) as connection,
        ):
            connection.execute("select from ops.targets")
    finally:
        with connect_admin(control_plane) as connection:
            connection.execute("drop role passer_by")
        connection.close()


def test_a_write_of_several_statements_wants_a_transaction(pipeline: Connection) -> None:
    pipeline.autocommit = True
    with pytest.raises(ValueError, match="call it inside a transaction"):
        require_transaction(pipeline)
    with pipeline.transaction():
        require_transaction(pipeline)
