"""A run on Dagster over the messy repository: its secrets stand neither in the control plane nor in the event log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.control_plane.connection import Connection, connect_admin
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.orchestration.partitions import REPOSITORIES
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.sample_repository.messy import build_messy
from platformkit_pipeline_tests.orchestration.conftest import Platform
from platformkit_pipeline_tests.orchestration.events import evaluations, metadata_of
from platformkit_pipeline_tests.rules.repository.planted import dumped, told_below, told_in

SHOP = "acme/shop"


def test_a_run_tells_no_secret_of_the_repository(
    platform: Platform,
    instance: dg.DagsterInstance,
    run_job: Callable[..., dg.ExecuteInProcessResult],
    superuser: Connection,
    dagster_database: Dsn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    messy = build_messy(tmp_path / "shop")
    home = tmp_path / "home"
    platform.settings_path.write_text(f"repositories: [{{name: {SHOP}, path: {messy.builder.folder}, github: {{token_env: A_TOKEN}}}}]")
    instance.add_dynamic_partitions(REPOSITORIES, [SHOP])
    with serve_github() as github:
        github.repositories = {SHOP: messy.github}
        for name, value in {"A_TOKEN": TOKEN, ADDRESS_VARIABLE: github.address, "PLATFORMKIT_HOME": str(home)}.items():
            monkeypatch.setenv(name, value)
        run = run_job("scan_repository", partition=SHOP)
    assert run.success
    assert not evaluations(instance, run.run_id)["compliance/repository_secrets:verdict", SHOP].passed
    assert metadata_of(instance, run.run_id, "introspection/github_settings", SHOP)["objects"] == 1
    with connect_admin(dagster_database) as storage:
        events = dumped(storage)
    stored = dumped(superuser)
    for text in (events, stored):
        assert "SEC001" in text
        assert told_in(text) == []
    assert "deploy/server.pem" in stored
    assert "old/server.pem" in stored
    printed = capfd.readouterr()
    assert told_in(printed.out + printed.err) == []
    assert told_below(home) == {}
    assert told_below(tmp_path / "dagster_home") == {}
