"""A database with something of every kind in it, and a server that listens on TCP and counts statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.databases import connect, create_database, drop_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

_HERE = Path(__file__).parent

Loader = Callable[[Dsn], None]


@pytest.fixture(scope="session")
def load_rich_catalogue() -> Loader:
    """Loads `rich_catalogue.sql`, and on 15 and later what that major added, into an empty database."""

    def load(dsn: Dsn) -> None:
        with connect(dsn) as connection:
            connection.execute("set client_min_messages = error")
            connection.execute((_HERE / "rich_catalogue.sql").read_bytes())
            if connection.info.server_version >= 150000:
                connection.execute((_HERE / "rich_catalogue_since_15.sql").read_bytes())

    return load


@pytest.fixture(scope="session")
def rich_database(admin_dsn: Dsn, load_rich_catalogue: Loader) -> Iterator[Dsn]:
    """Shared, so leave it as it is; `rich_copy` is for tests that change something."""
    dsn = create_database(admin_dsn, "rich_catalogue")
    load_rich_catalogue(dsn)
    yield dsn
    drop_database(admin_dsn, "rich_catalogue")


@pytest.fixture
def rich_copy(admin_dsn: Dsn, rich_database: Dsn) -> Iterator[Dsn]:
    """A copy of `rich_database` of the test's own."""
    dsn = create_database(admin_dsn, "rich_copy", template="rich_catalogue")
    yield dsn
    drop_database(admin_dsn, "rich_copy")


@pytest.fixture(scope="session")
def rich_snapshot(rich_database: Dsn) -> Snapshot:
    return observe(rich_database)


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Listens on loopback, wants passwords there, and counts statements (pg_stat_statements)."""
    settings = {"fsync": "off", "shared_preload_libraries": "pg_stat_statements"}
    server = EmbeddedPostgres(tmp_path_factory.mktemp("tcp"), settings=settings, tcp=True)
    server.ensure()
    yield server
    server.destroy()
