"""Servers beside the one of all tests, databases that are hard to rebuild, and a folder for shadows."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.sandbox.binaries import Binaries, find_binaries
from platformkit_pipeline.sandbox.databases import connect, create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

_TESTS = Path(__file__).resolve().parents[1]
BINDIRS_VARIABLE = "PLATFORMKIT_TEST_PG_BINDIRS"
"""More folders with server binaries to try, separated as in PATH."""
SCHEMAS = {
    "rich": ("introspection/rich_catalogue.sql", "introspection/rich_catalogue_since_15.sql"),
    "kitchen_sink": ("remediation/kitchen_sink.sql",),
}


def every_server() -> list[Path]:
    """Folders of the binaries that all tests run on, and of every other PostgreSQL of this machine from 15 on."""
    named = [Path(folder) for folder in os.environ.get(BINDIRS_VARIABLE, "").split(os.pathsep) if folder]
    return [find_binaries().bindir, *sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin")), *named]


def binaries_in(bindir: Path) -> Binaries:
    answer = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\(PostgreSQL\) ([\d.]+)", answer)
    assert found is not None, answer
    return Binaries(bindir, found.group(1), "test matrix")


def load(dsn: Dsn, schema: str) -> None:
    with connect(dsn) as connection:
        connection.execute("set client_min_messages = error")
        for name in SCHEMAS[schema]:
            connection.execute((_TESTS / name).read_bytes())


@pytest.fixture
def shadows(tmp_path: Path) -> Iterator[ShadowServer]:
    """A server for shadows that is gone after the test."""
    with ShadowServer(parent=tmp_path / "shadows") as server:
        yield server


@pytest.fixture
def make_target(tmp_path: Path) -> Iterator[Callable[[Path, str], Dsn]]:
    """Makes one of `SCHEMAS` on a server of its own, of the binaries in a folder."""
    servers: list[EmbeddedPostgres] = []

    def make(bindir: Path, schema: str) -> Dsn:
        server = EmbeddedPostgres(tmp_path / f"target-{len(servers)}", binaries=binaries_in(bindir), settings=FAST_SETTINGS)
        servers.append(server)
        server.ensure()
        dsn = create_database(server.dsn(), schema)
        load(dsn, schema)
        return dsn

    yield make
    for server in servers:
        server.destroy()
