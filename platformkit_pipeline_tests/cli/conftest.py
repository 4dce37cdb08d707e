"""A server that asks for passwords over TCP, and the program run inside the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest
import structlog

from platformkit_pipeline.cli.main import run
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

USER, PASSWORD = "shop_reader", "correct-horse-42"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call of the program left behind."""

    code: int
    stdout: str
    stderr: str


Program = Callable[..., Outcome]


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    """The program without a process of its own: many times faster, for all that does not depend on one."""

    def call(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            run(list(arguments))
        captured = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), captured.out, captured.err)

    yield call
    structlog.reset_defaults()  # the program's logs go to a stream that ends with the test


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Loopback with scram passwords; the role `shop_reader` may log in."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("tcp"), settings=FAST_SETTINGS, tcp=True)
    server.ensure()
    with psycopg.connect(server.dsn().reveal(), autocommit=True) as connection:
        connection.execute(f"create role {USER} login password '{PASSWORD}'".encode())
    yield server
    server.destroy()


@pytest.fixture
def messy_database(supabase_database: Dsn) -> Dsn:
    """A critical finding (a table without row level security) and a medium one (a foreign key without index)."""
    with psycopg.connect(supabase_database.reveal(), autocommit=True) as connection:
        connection.execute("create table public.customers (id bigint primary key)")
        connection.execute(
            "create table public.orders (id bigint primary key, customer bigint references public.customers on delete cascade)"
        )
        connection.execute("alter table public.customers enable row level security")
    return supabase_database
