"""`platformkit plan` as its users start it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline_tests.cli.program import platformkit


@pytest.fixture
def clinic(sample_platform: dict[str, Dsn]) -> dict[str, str]:
    return {"CLINIC_URL": sample_platform["clinic-messy"].reveal()}


def test_it_prints_every_patch_with_its_sql_and_every_decision_with_its_steps(clinic: dict[str, str]) -> None:
    ended = platformkit("plan", "--dsn-env", "CLINIC_URL", "--name", "clinic", env=clinic)
    assert ended.returncode == 0
    assert "alter function public.is_admin() set search_path = pg_catalog, public, extensions, pg_temp;" in ended.stdout
    assert "FUN001" in ended.stdout
    assert "proven: 10 of 10 obligations hold" in ended.stdout
    assert "All of them together: proven" in ended.stdout
    assert "belong to supabase_admin, as which postgres may not act" in ended.stdout
    assert "For a person:" in ended.stdout


def test_without_proofs_it_only_proposes(clinic: dict[str, str]) -> None:
    ended = platformkit("plan", "--dsn-env", "CLINIC_URL", "--no-prove", env=clinic)
    assert ended.returncode == 0
    assert "unproven: nobody tried" in ended.stdout
    assert "10 of 10" not in ended.stdout


def test_json_has_up_and_down_of_every_patch(clinic: dict[str, str]) -> None:
    document = json.loads(platformkit("plan", "--dsn-env", "CLINIC_URL", "--format", "json", env=clinic).stdout)
    assert {"RLS001", "FUN001", "FKY003"} <= {p["rule"] for p in document["patches"]}
    assert all(p["up"] and p["down"] for p in document["patches"])
    assert all(m["steps"] for m in document["manual_items"])


def test_emit_writes_a_migration_and_an_undo_per_patch(clinic: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    ended = platformkit("plan", "--dsn-env", "CLINIC_URL", "--format", "json", "--emit", str(folder), env=clinic)
    patches = json.loads(ended.stdout)["patches"]
    migrations = sorted(p.name for p in (folder / "migrations").iterdir())
    offered = {(tuple(p["up"]), tuple(p["down"])) for p in patches if p["offered"]}
    assert len(migrations) == len(offered) > 20
    assert migrations == sorted(p.name for p in (folder / "rollbacks").iterdir())
    assert (folder / "MANUAL.md").is_file()


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
