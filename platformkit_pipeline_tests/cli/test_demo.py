"""`platformkit demo` as a newcomer starts it: twice, in an empty home."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from platformkit_pipeline.operations.demo_repository import PLANTED
from platformkit_pipeline.operations.prepare_demo import demo_home
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, planted_faults
from platformkit_pipeline_tests.cli.program import platformkit

LENIENT = {"PYTHONWARNINGS": "default"}
"""Libraries of a Dagster process warn about themselves; that ends no run."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    EmbeddedPostgres(demo_home(tmp_path) / "postgres").destroy()


def test_the_first_run_finds_what_was_planted_and_the_second_finds_and_writes_nothing_new(home: Path) -> None:
    faults = {project.name: [f for f in planted_faults(project.name) if not f.awaits_counters] for project in SAMPLE_PROJECTS}
    total = sum(map(len, faults.values()))
    first = platformkit("demo", env={"PLATFORMKIT_HOME": str(home), **LENIENT})
    assert first.returncode == 0, first.stderr
    assert f"{total} of {total} planted faults found, exactly what was planted" in first.stdout
    assert f"{total} new findings" in first.stdout
    for project in SAMPLE_PROJECTS:
        assert project.name in first.stdout
        for rule, group in groupby(faults[project.name], key=lambda fault: fault.rule):
            assert all(fault.object in first.stdout for fault in list(group)[:5]), rule
    assert "shop-production: no fault was planted, none was found" in first.stdout
    assert f"acme/shop (repository): {len(PLANTED)} of {len(PLANTED)} planted faults found" in first.stdout
    waiting = sorted({f.rule for f in planted_faults("shop-production")})
    assert f"Could not be measured yet: {', '.join(waiting)}." in first.stdout
    assert list(home.glob("demo/plans/*/saas-multitenant/migrations/*_rls001_public_feature_requests.sql"))

    second = platformkit("demo", "--plans", str(home / "again"), env={"PLATFORMKIT_HOME": str(home), **LENIENT})
    assert second.returncode == 0, second.stderr
    assert "; 0 inventory rows written, 0 new findings;" in second.stdout
    assert re.search(r"^acme/shop \(repository\): .*, 0 inventory rows written, 0 new findings$", second.stdout, re.MULTILINE)
    assert (home / "again" / "clinic-messy" / "MANUAL.md").is_file()


def test_a_folder_for_plans_that_holds_something_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    ended = platformkit("demo", "--plans", str(tmp_path), env={"PLATFORMKIT_HOME": str(tmp_path / "home")})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert not (tmp_path / "home").exists()


def test_a_folder_for_plans_that_cannot_be_made_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = platformkit("demo", "--plans", str(tmp_path / "file" / "plans"), env={"PLATFORMKIT_HOME": str(tmp_path / "home")})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "cannot be made" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_a_control_plane_of_your_own_is_never_filled_with_samples(tmp_path: Path) -> None:
    databases = {
        "PLATFORMKIT_DATABASE_URL": "postgresql://platformkit_pipeline@127.0.0.1:1/ops",
        "PLATFORMKIT_DAGSTER_DATABASE_URL": "postgresql+psycopg2://dagster@127.0.0.1:1/dagster",
    }
    ended = platformkit("demo", env={"PLATFORMKIT_HOME": str(tmp_path), **databases})
    assert ended.returncode == 2
    assert "unset PLATFORMKIT_DATABASE_URL" in ended.stderr
