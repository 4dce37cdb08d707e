"""The platform as a target in Dagit: what a night shows, and that it judges what really happened."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.operations.anchor_audit import FILE_NAME
from platformkit_pipeline.orchestration.assets.control_plane import control_plane_scan
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
from platformkit_pipeline_tests.control_plane.test_audit import tamper
from platformkit_pipeline_tests.orchestration.conftest import Platform
from platformkit_pipeline_tests.orchestration.events import metadata_of


def test_a_night_shows_both_families_and_a_log_that_was_changed_fails_one(
    platform: Platform, instance: dg.DagsterInstance, superuser: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "outside"
    monkeypatch.setenv("PLATFORMKIT_HOME", str(home))
    platform.settings_path.write_text("projects: []\n", encoding="utf-8")
    resources = {"settings": SettingsResource(), "control_plane": ControlPlaneResource()}

    def night() -> tuple[dg.ExecuteInProcessResult, dict[str, bool]]:
        ran = dg.materialize([control_plane_scan], instance=instance, resources=resources, raise_on_error=False)
        return ran, {check.check_name: check.passed for check in ran.get_asset_check_evaluations()}

    ran, passed = night()
    assert ran.success
    assert passed == {"waivers": True, "operations": True}
    shown = metadata_of(instance, ran.run_id, "introspection/control_plane")
    assert shown["anchored"] is True
    assert str(shown["audit_head"]) in (home / FILE_NAME).read_text(encoding="utf-8")
    assert metadata_of(instance, ran.run_id, "compliance/control_plane")["score"] == 100.0

    tamper(superuser, ["update ops.audit_log set actor = actor || '!' where seq = 1"])
    ran, passed = night()
    assert ran.success, "a finding is no failed run"
    assert passed == {"waivers": True, "operations": False}
