"""A Dagster instance on real PostgreSQL, as the product's own `dagster.yaml` makes it, and settings that name sample projects."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import structlog
import yaml

from platformkit_pipeline.locations import shipped_file
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.local_platform import dagster_url
from platformkit_pipeline.orchestration.build import build_defs
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

_TEMPLATE = "dagster_template"
_serial = itertools.count(1)


@dataclass
class Platform:
    """Settings and the environment that a run sees; `list_targets` rewrites the file."""

    settings_path: Path
    set_variable: Callable[[str, str], None]
    dsns: Mapping[str, Dsn]
    listed: list[str] = field(default_factory=list)

    def list_targets(self, *names: str, **others: Dsn) -> None:
        """List sample projects by name, and other databases as `<name>=<dsn>`; `_` in a keyword stands for `-`."""
        wanted = {**{name: self.dsns[name] for name in names}, **{name.replace("_", "-"): dsn for name, dsn in others.items()}}
        entries = []
        for name, dsn in wanted.items():
            variable = f"{name.upper().replace('-', '_')}_DATABASE_URL"
            self.set_variable(variable, dsn.reveal())
            entries.append({"name": name, "environment": "staging", "database": {"dsn_env": variable}})
        self.settings_path.write_text(yaml.safe_dump({"projects": entries}), encoding="utf-8")
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
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", pipeline_dsn.reveal())
    settings_path = tmp_path / "platformkit.yaml"
    monkeypatch.setenv("PLATFORMKIT_SETTINGS", str(settings_path))
    made = Platform(settings_path, monkeypatch.setenv, sample_platform)
    made.list_targets()
    return made


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Loopback with scram passwords; `shop_reader` may log in."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("tcp"), settings=FAST_SETTINGS, tcp=True)
    server.ensure()
    with psycopg.connect(server.dsn().reveal(), autocommit=True) as connection:
        connection.execute("create role shop_reader login password 'correct-horse-42'")
    yield server
    server.destroy()


@pytest.fixture
def run_job(defs: dg.Definitions, instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Runs a job by name in this process; an error ends the run, not the test."""

    def run(name: str, *, partition: str | None = None, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        job = defs.resolve_job_def(name)
        return job.execute_in_process(instance=instance, partition_key=partition, tags=dict(tags or {}), raise_on_error=False)

    return run


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
