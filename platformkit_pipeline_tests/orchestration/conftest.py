"""A Dagster instance on real PostgreSQL, as the product's own `dagster.yaml` makes it, and settings that name sample projects."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
import psycopg
import pytest
import structlog
import yaml

from platformkit_pipeline.control_plane.connection import Connection, connect_admin
from platformkit_pipeline.locations import shipped_file
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.local_platform import dagster_url
from platformkit_pipeline.orchestration.build import build_defs
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

MESSY, WELL_KEPT, MULTITENANT = "clinic-messy", "shop-production", "saas-multitenant"
_TEMPLATE = "dagster_template"
_serial = itertools.count(1)


@dataclass
class Platform:
    """Settings and the environment that a run sees; `list_targets` rewrites the file."""

    settings_path: Path
    set_variable: Callable[[str, str], None]
    dsns: Mapping[str, Dsn]
    listed: list[str] = field(default_factory=list)

    def list_targets(
        self,
        *names: str,
        repository: Path | None = None,
        repositories: Mapping[str, Path] = MappingProxyType({}),
        connectors: Sequence[Mapping[str, Any]] = (),
        **others: Dsn,
    ) -> None:
        """List sample projects by name, and other databases as `<name>=<dsn>`; `_` in a keyword stands for `-`.

        All of them have their migrations in `repository`, if there is one. `repositories` are listed by name and folder,
        `connectors` by their entries.
        """
        wanted = {**{name: self.dsns[name] for name in names}, **{name.replace("_", "-"): dsn for name, dsn in others.items()}}
        entries = []
        for name, dsn in wanted.items():
            variable = f"{name.upper().replace('-', '_')}_DATABASE_URL"
            self.set_variable(variable, dsn.reveal())
            entry = {"name": name, "environment": "staging", "database": {"dsn_env": variable}}
            entries.append(entry if repository is None else {**entry, "repository": "acme/shop"})
        folders = {**repositories, **({} if repository is None else {"acme/shop": repository})}
        listed = [{"name": name, "path": str(folder)} for name, folder in folders.items()]
        document = {"projects": entries, "repositories": listed, "connectors": [dict(entry) for entry in connectors]}
        self.settings_path.write_text(yaml.safe_dump(document), encoding="utf-8")
        self.listed = list(wanted)


@pytest.fixture(scope="session")
def defs() -> dg.Definitions:
    """The code location, built once."""
    definitions = build_defs()
    structlog.reset_defaults()  # its logs would go to a stream that ends with the test
    return definitions


@pytest.fixture(scope="session")
def dagster_template(admin_dsn: Dsn, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database with Dagster's own tables in it."""
    dsn = create_database(admin_dsn, _TEMPLATE)
    with pytest.MonkeyPatch.context() as patch, _instance(patch, dsn, tmp_path_factory.mktemp("dagster_template")) as instance:
        instance.get_runs(limit=1)
    return _TEMPLATE


@pytest.fixture
def dagster_database(admin_dsn: Dsn, dagster_template: str) -> Iterator[Dsn]:
    """An empty storage of Dagster."""
    name = f"dagster_{next(_serial)}"
    yield create_database(admin_dsn, name, template=dagster_template)
    drop_database(admin_dsn, name)


@pytest.fixture
def instance(dagster_database: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance on it."""
    with _instance(monkeypatch, dagster_database, tmp_path / "dagster_home") as made:
        yield made


@pytest.fixture
def platform(pipeline_dsn: Dsn, sample_platform: Mapping[str, Dsn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A migrated control plane and settings without any target yet."""
    return _platform(monkeypatch, pipeline_dsn, sample_platform, tmp_path)


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Loopback with scram passwords; `shop_reader` may log in."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("tcp"), settings=FAST_SETTINGS, tcp=True)
    server.ensure()
    with psycopg.connect(server.dsn().reveal(), autocommit=True) as connection:
        connection.execute("create role shop_reader login password 'correct-horse-42'")
    yield server
    server.destroy()


@dataclass(frozen=True)
class ScannedTwice:
    """A platform whose messy project was scanned twice. Shared by a module: look, do not touch."""

    instance: dg.DagsterInstance
    first: dg.ExecuteInProcessResult
    second: dg.ExecuteInProcessResult
    rows_after: tuple[Mapping[str, int], Mapping[str, int]]
    """Number of rows per table of `ops` after each scan."""
    superuser: Connection
    dagster_database: Dsn


@pytest.fixture(scope="module")
def scanned(
    defs: dg.Definitions,
    admin_dsn: Dsn,
    control_plane_template: str,
    dagster_template: str,
    sample_platform: Mapping[str, Dsn],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ScannedTwice]:
    """One for all tests of a module that only look at what a scan left."""
    folder, number = tmp_path_factory.mktemp("scanned"), next(_serial)
    control_plane = create_database(admin_dsn, f"scanned_control_plane_{number}", template=control_plane_template)
    storage = create_database(admin_dsn, f"scanned_dagster_{number}", template=dagster_template)
    superuser = connect_admin(control_plane)
    superuser.autocommit = True
    with pytest.MonkeyPatch.context() as patch, _instance(patch, storage, folder / "dagster_home") as instance:
        _platform(patch, with_user(control_plane, "platformkit_pipeline"), sample_platform, folder).list_targets(MESSY)
        instance.add_dynamic_partitions(SUPABASE_PROJECTS, [MESSY])
        runs, rows = [], []
        for _ in range(2):
            runs.append(_run(defs, instance, "scan_target", partition=MESSY))
            rows.append({name: _count(superuser, name) for name in ("inventory_objects", "inventory_history", "findings", "scans")})
        yield ScannedTwice(instance, runs[0], runs[1], (rows[0], rows[1]), superuser, storage)
    superuser.close()
    drop_database(admin_dsn, f"scanned_control_plane_{number}")
    drop_database(admin_dsn, f"scanned_dagster_{number}")


@pytest.fixture
def run_job(defs: dg.Definitions, instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Runs a job by name in this process; an error ends the run, not the test."""

    return partial(_run, defs, instance)


@pytest.fixture
def register(instance: dg.DagsterInstance) -> Callable[..., None]:
    """Makes partitions without the sensor."""

    def add(*names: str) -> None:
        instance.add_dynamic_partitions(SUPABASE_PROJECTS, list(names))

    return add


def unreachable(admin: Dsn) -> Dsn:
    """A database that does not exist, on a server that does."""
    return with_database(admin, "nowhere")


def _instance(patch: pytest.MonkeyPatch, dsn: Dsn, home: Path) -> dg.DagsterInstance:
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(shipped_file("dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    patch.setenv("DAGSTER_HOME", str(home))
    patch.setenv("PLATFORMKIT_DAGSTER_DATABASE_URL", dagster_url(dsn))
    return dg.DagsterInstance.get()


def _platform(patch: pytest.MonkeyPatch, pipeline_dsn: Dsn, dsns: Mapping[str, Dsn], folder: Path) -> Platform:
    patch.setenv("PLATFORMKIT_DATABASE_URL", pipeline_dsn.reveal())
    settings_path = folder / "platformkit.yaml"
    patch.setenv("PLATFORMKIT_SETTINGS", str(settings_path))
    made = Platform(settings_path, patch.setenv, dsns)
    made.list_targets()
    return made


def _run(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, *, partition: str | None = None, tags: Mapping[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(name)
    return job.execute_in_process(instance=instance, partition_key=partition, tags=dict(tags or {}), raise_on_error=False)


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from ops.{table}".encode()).fetchone()
    assert row is not None
    return int(row[0])
