"""Connecting to targets: what a person is told when it fails, and that the password is never part of it."""

from __future__ import annotations

import socket

import pytest

from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, TargetUnreachable
from platformkit_pipeline.sandbox.databases import set_role_password, with_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

PASSWORD = "hunter2-secret"


def refusal(dsn: str, *, connect_timeout: int = 10) -> str:
    with pytest.raises(TargetUnreachable) as caught:
        connect(Dsn(dsn), connect_timeout=connect_timeout)
    message = str(caught.value)
    assert PASSWORD not in message
    assert "\n" not in message
    return message


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_wrong_password_over_tcp_is_told_without_the_password(tcp_server: EmbeddedPostgres) -> None:
    set_role_password(tcp_server.dsn(), tcp_server.superuser, "the right one")
    wrong = tcp_server.tcp_dsn(user=tcp_server.superuser, password=PASSWORD)
    message = refusal(wrong.reveal())
    assert "wrong password" in message
    assert "127.0.0.1:" in message
    assert "/postgres as supabase_admin" in message


def test_right_password_over_tcp_connects_under_the_application_name(tcp_server: EmbeddedPostgres) -> None:
    set_role_password(tcp_server.dsn(), tcp_server.superuser, PASSWORD)
    with connect(tcp_server.tcp_dsn(user=tcp_server.superuser, password=PASSWORD)) as connection:
        assert connection.execute("show application_name").fetchone() == ("platformkit",)


def test_refused_connection() -> None:
    port = free_port()
    message = refusal(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/shop")
    assert message.startswith(f"127.0.0.1:{port}/shop as me: connection refused")


def test_unknown_host() -> None:
    assert "cannot be resolved" in refusal(f"postgresql://me:{PASSWORD}@no-such-host.invalid/shop")


def test_server_that_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        message = refusal(f"postgresql://me:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/shop", connect_timeout=2)
    assert "no answer in time" in message


def test_no_such_database(admin_dsn: Dsn) -> None:
    message = refusal(with_database(admin_dsn, "no_such_database").reveal())
    assert "no such database" in message
    assert "/no_such_database as" in message


def test_no_such_user(admin_dsn: Dsn) -> None:
    assert "no such user" in refusal(with_user(admin_dsn, "nobody_by_this_name").reveal())


def test_tls_that_the_server_does_not_offer(tcp_server: EmbeddedPostgres) -> None:
    dsn = tcp_server.tcp_dsn(user=tcp_server.superuser, password=PASSWORD).reveal()
    assert "TLS" in refusal(f"{dsn}?sslmode=require")


def test_startup_options_of_the_environment_are_not_sent(admin_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1234")
    with connect(admin_dsn) as connection:
        assert connection.execute("show statement_timeout").fetchone() == ("0",)


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param(f"not a dsn {PASSWORD}", id="prose"),
        pytest.param(f"host=db password='{PASSWORD}", id="unclosed quote"),
        pytest.param(f"postgresql://me:{PASSWORD}@db:port/shop", id="port that is no number"),
        pytest.param(f"postgresql://me:pa/ss{PASSWORD}@db:5432/shop", id="slash in the password"),
        pytest.param(f"postgresql://me:12/{PASSWORD}@db:5432/shop", id="digits and slash in the password"),
        pytest.param(f"postgresql://me:pa@{PASSWORD}@db:5432/shop", id="at sign in the password"),
        pytest.param(f"postgresql://me:%zz{PASSWORD}@db/shop", id="bad percent-encoding"),
        pytest.param(f"mysql://me:{PASSWORD}@db/shop", id="another scheme"),
        pytest.param("  ", id="empty"),
    ],
)
def test_malformed_connection_string_is_not_quoted(malformed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(Dsn(malformed, origin="environment variable SHOP_DATABASE_URL"))
    assert PASSWORD not in str(caught.value)
    assert "environment variable SHOP_DATABASE_URL" in str(caught.value)
