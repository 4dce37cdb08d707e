from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.control_plane.connection import DATABASE_URL
from platformkit_pipeline.control_plane.migrations import migrate
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations import check_installation as doctor
from platformkit_pipeline.operations.check_installation import DAGSTER_DATABASE_URL, Diagnosis, State

PROJECT = "projects: [{name: shop, environment: staging, database: {dsn_env: SHOP_URL}}]\n"


@pytest.mark.parametrize(("version", "state"), [((3, 10), State.FAIL), ((3, 11), State.OK), ((3, 13), State.OK), ((3, 14), State.WARN)])
def test_python_is_as_old_or_new_as_it_may_be(version: tuple[int, int], state: State) -> None:
    assert doctor.check_python(version).state is state


def test_binaries_that_cannot_be_used_matter_only_without_a_database_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_PG_BINDIR", str(tmp_path))
    assert doctor.check_binaries({}).state is State.FAIL
    assert doctor.check_binaries({DATABASE_URL: "postgresql:///ops"}).state is State.WARN


def test_binaries_that_were_found_are_named() -> None:
    found = doctor.check_binaries({})
    assert found.state is State.OK
    assert found.message.startswith("PostgreSQL 1")


def test_a_home_that_does_not_exist_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    assert doctor.check_home(tmp_path / "a" / "b").state is State.OK
    assert list(tmp_path.iterdir()) == []


def test_looking_at_a_home_leaves_nothing_in_it(tmp_path: Path) -> None:
    assert doctor.check_home(tmp_path) == Diagnosis("home", State.OK, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_home_below_a_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor.check_home(tmp_path / "file" / "home").state is State.FAIL


def test_missing_settings_are_a_fault_only_when_somebody_named_them(tmp_path: Path) -> None:
    path = tmp_path / "platformkit.yaml"
    assert [d.state for d in doctor.check_settings(path, {}, named=False)] == [State.WARN]
    assert [d.state for d in doctor.check_settings(path, {}, named=True)] == [State.FAIL]


def test_malformed_settings_are_named_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "platformkit.yaml"
    path.write_text("zone: 1\n")
    (found,) = doctor.check_settings(path, {}, named=False)
    assert (found.state, found.exit_code) == (State.FAIL, 2)
    assert f"{path}:1: zone" in found.message


@pytest.mark.parametrize(
    ("extra", "environment", "state"),
    [
        ("", {"SHOP_URL": "postgresql:///shop"}, State.OK),
        ("", {}, State.FAIL),
        ("notifications: {n8n: {webhook_env: HOOK}}\n", {"SHOP_URL": "postgresql:///shop"}, State.WARN),
        ("notifications: {github_issues: {repository: a/b, token_env: GH}}\n", {"SHOP_URL": "postgresql:///shop"}, State.WARN),
    ],
)
def test_variables_are_required_where_nothing_can_be_observed_without_them(
    tmp_path: Path, extra: str, environment: dict[str, str], state: State
) -> None:
    path = tmp_path / "platformkit.yaml"
    path.write_text(PROJECT + extra)
    settings, variables = doctor.check_settings(path, environment, named=True)
    assert (settings.state, variables.state) == (State.OK, state)


def test_a_control_plane_is_not_needed_for_everything() -> None:
    assert doctor.check_control_plane({}).state is State.WARN


def check_control_plane_at(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Diagnosis:
    monkeypatch.setenv(DATABASE_URL, dsn)
    return doctor.check_control_plane({DATABASE_URL: dsn})


def as_pipeline(dsn: Dsn) -> str:
    return psycopg.conninfo.make_conninfo(dsn.reveal(), user="platformkit_pipeline")


def test_a_control_plane_that_does_not_answer_is_a_matter_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_control_plane_at("postgresql://me:hunter2@127.0.0.1:1/ops", monkeypatch)
    assert (found.state, found.exit_code) == (State.FAIL, 3)
    assert "hunter2" not in found.message


def test_a_control_plane_is_asked_for_the_migrations_of_this_version(blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(blank_database)
    assert check_control_plane_at(as_pipeline(blank_database), monkeypatch).state is State.OK


def test_a_control_plane_without_migrations_is_told_what_to_run(
    blank_database: Dsn, make_blank_database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(make_blank_database)
    migrate(make_blank_database())  # makes the role, which belongs to the whole server
    found = check_control_plane_at(as_pipeline(blank_database), monkeypatch)
    assert (found.state, found.exit_code) == (State.FAIL, 3)
    assert "platformkit db migrate" in found.advice


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("", State.WARN),
        ("postgresql://me:hunter2@db/dagster", State.FAIL),
        ("sqlite:///x", State.FAIL),
        ("postgresql+psycopg2://me:hunter2@db/dagster", State.OK),
    ],
)
def test_the_storage_of_dagster_names_its_driver(url: str, state: State) -> None:
    found = doctor.check_dagster_storage({DAGSTER_DATABASE_URL: url})
    assert found.state is state
    assert "hunter2" not in found.message + found.advice


@pytest.mark.parametrize(("codes", "expected"), [((), 0), ((3,), 3), ((2,), 2), ((3, 2), 2)])
def test_wrong_configuration_weighs_more_than_what_cannot_be_reached(codes: tuple[int, ...], expected: int) -> None:
    faults = tuple(Diagnosis("part", State.FAIL, "broken", exit_code=code) for code in codes)
    assert doctor.exit_code((Diagnosis("part", State.WARN, "so so"), *faults)) == expected


def test_every_part_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path))
    path = tmp_path / "platformkit.yaml"
    path.write_text(PROJECT)
    found = doctor.check_installation(path, {})
    assert [d.part for d in found] == ["python", "postgresql", "home", "settings", "variables", "control plane", "dagster"]
