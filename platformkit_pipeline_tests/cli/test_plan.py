"""`platformkit plan` as its users start it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline_tests.cli.program import platformkit
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, run_sql

NEGLECT = """
create function public.close_day() returns void language sql security definer as 'select';
comment on function public.close_day() is 'platformkit:definer closes the day of every tenant';
revoke execute on function public.close_day() from public, anon, authenticated;
create extension hstore schema public;
"""


@dataclass(frozen=True)
class Planned:
    document: dict[str, Any]
    folder: Path


@pytest.fixture
def neglected(supabase_database: Dsn) -> dict[str, str]:
    """One finding that SQL mends, and one for a person."""
    run_sql(supabase_database, WELL_KEPT)
    run_sql(supabase_database, NEGLECT)
    return {"SHOP_URL": supabase_database.reveal()}


@pytest.fixture(scope="module")
def clinic(sample_platform: dict[str, Dsn], tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """The plan of the messy project, as JSON and as files, unproven: that it can be proven is tested with the demo."""
    folder = tmp_path_factory.mktemp("clinic") / "plan"
    env = {"CLINIC_URL": sample_platform["clinic-messy"].reveal()}
    ended = platformkit("plan", "--dsn-env", "CLINIC_URL", "--no-prove", "--format", "json", "--emit", str(folder), env=env)
    assert ended.returncode == 0, ended.stderr
    return Planned(json.loads(ended.stdout), folder)


def test_it_prints_every_patch_with_its_sql_and_every_decision_with_its_steps(neglected: dict[str, str], tmp_path: Path) -> None:
    ended = platformkit("plan", "--dsn-env", "SHOP_URL", "--name", "shop", "--emit", str(tmp_path / "plan"), env=neglected)
    assert ended.returncode == 0
    assert "alter function public.close_day() set search_path = pg_catalog, public, extensions, pg_temp;" in ended.stdout
    assert "FUN001" in ended.stdout
    assert "proven: 10 of 10 obligations hold" in ended.stdout
    assert "All of them together: proven" in ended.stdout
    assert "as which postgres may not act" in ended.stdout
    assert "For a person:" in ended.stdout
    [migration] = (tmp_path / "plan" / "migrations").iterdir()
    assert "-- proof: PROVEN" in migration.read_text(encoding="utf-8")
    assert [p.name for p in (tmp_path / "plan" / "rollbacks").iterdir()] == [migration.name]


def test_without_proofs_it_only_proposes(neglected: dict[str, str]) -> None:
    ended = platformkit("plan", "--dsn-env", "SHOP_URL", "--no-prove", env=neglected)
    assert ended.returncode == 0
    assert "unproven: nobody tried" in ended.stdout
    assert "10 of 10" not in ended.stdout


def test_json_carries_the_proofs(neglected: dict[str, str]) -> None:
    ended = platformkit("plan", "--dsn-env", "SHOP_URL", "--format", "json", env=neglected)
    document = json.loads(ended.stdout)
    [patch] = document["patches"]
    assert (patch["proof"], document["proof"]["status"]) == ("proven", "proven")
    for obligations in (patch["proof_detail"]["obligations"], document["proof"]["obligations"]):
        assert [(o["number"], o["verdict"]) for o in obligations] == [(number, "held") for number in range(1, 11)]


def test_json_has_up_and_down_of_every_patch(clinic: Planned) -> None:
    patches, manual = clinic.document["patches"], clinic.document["manual_items"]
    assert {"RLS001", "FUN001", "FKY003"} <= {p["rule"] for p in patches}
    assert all(p["up"] and p["down"] for p in patches)
    assert all(m["steps"] for m in manual)


def test_emit_writes_a_migration_and_an_undo_per_change(clinic: Planned) -> None:
    migrations = sorted(p.name for p in (clinic.folder / "migrations").iterdir())
    offered = {(tuple(p["up"]), tuple(p["down"]), p["transactional"]) for p in clinic.document["patches"] if p["offered"]}
    assert len(migrations) == sum(1 if transactional else len(up) for up, _, transactional in offered) > 50
    assert migrations == sorted(p.name for p in (clinic.folder / "rollbacks").iterdir())
    assert (clinic.folder / "MANUAL.md").is_file()


def test_a_folder_with_something_in_it_is_refused_before_anything_is_observed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    ended = platformkit("plan", "--dsn-env", "NOWHERE", "--emit", str(tmp_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "not an empty folder" in ended.stderr


def test_an_unreachable_database_is_3_and_writes_nothing(tmp_path: Path) -> None:
    env = {"GONE": "postgresql://me:hunter2@127.0.0.1:1/gone"}
    ended = platformkit("plan", "--dsn-env", "GONE", "--emit", str(tmp_path / "plan"), env=env)
    assert ended.returncode == 3
    assert "hunter2" not in ended.stdout + ended.stderr
    assert not list(tmp_path.iterdir())
