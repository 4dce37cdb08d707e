"""A platform on this machine: made, attached to, and left as it was found."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.connection import connect, session
from platformkit_pipeline.control_plane.migrations import require_current
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.operations.local_platform import LocalPlatform, control_plane_logins, dagster_url, ensure_local_platform
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.postmaster import holds_within
from platformkit_pipeline.sandbox.processes import command_of
from platformkit_pipeline_tests.conftest import FAST_SETTINGS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("local")
    yield folder
    EmbeddedPostgres(folder / "postgres").destroy()


@pytest.fixture(scope="module")
def local(home: Path) -> Iterator[LocalPlatform]:
    platform = ensure_local_platform(home, {})
    yield platform
    platform.release()


def test_the_control_plane_is_migrated_and_open_to_the_role_of_the_pipeline(local: LocalPlatform) -> None:
    assert local.started
    with connect(Dsn(local.environment["PLATFORMKIT_DATABASE_URL"])) as connection:
        require_current(connection)
        assert connection.execute("select current_user").fetchone() == ("platformkit_pipeline",)


def test_dagster_gets_a_database_and_a_role_of_its_own_without_power_elsewhere(local: LocalPlatform) -> None:
    url = local.environment["PLATFORMKIT_DAGSTER_DATABASE_URL"]
    assert url.startswith("postgresql+psycopg2://platformkit_dagster@")
    with psycopg.connect(url.replace("+psycopg2", "")) as connection:
        connection.execute("create table probe ()")
        connection.rollback()
        powers = "rolsuper or rolcreatedb or rolcreaterole or rolbypassrls"
        assert connection.execute(f"select {powers} from pg_roles where rolname = current_user").fetchone() == (False,)


def test_dagster_finds_the_instance_file_in_its_home(local: LocalPlatform, home: Path) -> None:
    assert local.environment["DAGSTER_HOME"] == str(home / "dagster")
    assert "PLATFORMKIT_DAGSTER_DATABASE_URL" in (home / "dagster" / "dagster.yaml").read_text(encoding="utf-8")


def test_a_second_call_attaches_and_does_not_stop_what_it_did_not_start(local: LocalPlatform, home: Path) -> None:
    again = ensure_local_platform(home, {})
    assert (again.started, again.environment) == (False, local.environment)
    assert again.release() is False
    assert local.server is not None
    assert local.server.status() is not None


@pytest.fixture
def other(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """The server of a home that no other test uses, not yet made."""
    server = EmbeddedPostgres(tmp_path / "postgres", settings=FAST_SETTINGS)
    yield server
    server.destroy()


def test_the_server_goes_with_the_last_who_uses_it_whoever_started_it(other: EmbeddedPostgres, tmp_path: Path) -> None:
    other.ensure()
    first, second = ensure_local_platform(tmp_path, {}), ensure_local_platform(tmp_path, {})
    assert first.release() is False, "the second has no connection at the moment and needs the server all the same"
    assert other.status() is not None
    assert second.release() is True
    assert other.status() is None


def test_the_server_stays_while_somebody_is_connected(other: EmbeddedPostgres, tmp_path: Path) -> None:
    platform = ensure_local_platform(tmp_path, {})
    with psycopg.connect(other.dsn().reveal()):
        assert platform.release() is False
    assert other.status() is not None


def test_a_server_that_was_killed_is_started_again_with_what_it_held(other: EmbeddedPostgres, tmp_path: Path) -> None:
    platform = ensure_local_platform(tmp_path, {})
    assert platform.revive() is False
    killed = other.ensure().pid
    os.kill(killed, signal.SIGKILL)
    assert holds_within(10, lambda: command_of(killed) is None)
    assert platform.revive() is True
    with connect(Dsn(platform.environment["PLATFORMKIT_DATABASE_URL"])) as connection:
        require_current(connection)
    platform.release()


def test_a_server_whose_data_was_removed_is_not_made_anew_unasked(other: EmbeddedPostgres, tmp_path: Path) -> None:
    platform = ensure_local_platform(tmp_path, {})
    other.destroy()
    with pytest.raises(ControlPlaneError, match="is gone from"):
        platform.revive()
    assert platform.release() is False


def test_no_server_is_left_behind_when_the_rest_cannot_be_made(other: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "dagster").write_text("in the way of a folder")
    with pytest.raises(FileExistsError):
        ensure_local_platform(tmp_path, {})
    assert other.folders.data.exists()
    assert other.status() is None


def test_a_home_that_cannot_be_made_is_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="set PLATFORMKIT_HOME"):
        ensure_local_platform(tmp_path / "file" / "home", {})


def test_databases_that_the_environment_names_are_used_as_they_are(tmp_path: Path) -> None:
    named = {"PLATFORMKIT_DATABASE_URL": "postgresql://a@b/c", "PLATFORMKIT_DAGSTER_DATABASE_URL": "postgresql+psycopg2://d@e/f"}
    platform = ensure_local_platform(tmp_path, named)
    assert named.items() <= platform.environment.items()
    assert (platform.server, platform.started) == (None, False)
    assert not (tmp_path / "postgres").exists()


def test_one_database_without_the_other_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PLATFORMKIT_DAGSTER_DATABASE_URL is not"):
        ensure_local_platform(tmp_path, {"PLATFORMKIT_DATABASE_URL": "postgresql://a@b/c"})
    assert list(tmp_path.iterdir()) == []


def test_an_instance_file_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    named = {
        "PLATFORMKIT_DATABASE_URL": "postgresql://a@b/c",
        "PLATFORMKIT_DAGSTER_DATABASE_URL": "postgresql+psycopg2://d@e/f",
        "DAGSTER_HOME": str(own),
    }
    assert ensure_local_platform(tmp_path / "home", named).environment["DAGSTER_HOME"] == str(own)
    assert (own / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"


def test_the_driver_is_named_in_the_url() -> None:
    assert dagster_url(Dsn("postgresql://d@/f?host=%2Ftmp")) == "postgresql+psycopg2://d@/f?host=%2Ftmp"


def test_the_local_control_plane_is_reached_without_any_variable_and_stopped_again(tmp_path: Path) -> None:
    platform = ensure_local_platform(tmp_path, {})
    platform.release()
    with control_plane_logins(tmp_path, {}) as logins, session(logins.pipeline) as connection:
        assert audit.verify(connection).ok
    assert EmbeddedPostgres(tmp_path / "postgres").status() is None
    EmbeddedPostgres(tmp_path / "postgres").destroy()


def test_without_variables_and_without_a_local_server_there_is_no_control_plane(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match="start one with `platformkit up`"), control_plane_logins(tmp_path, {}):
        pass
