"""Review, amendments and README as assets: what Dagit shows of a night, and that a second one changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.observe_repository_target import observe_repository_target
from platformkit_pipeline.orchestration.assets import amendments as amendments_asset
from platformkit_pipeline.orchestration.assets import annual_review as review_asset
from platformkit_pipeline.orchestration.assets import enterprise_readme as readme_asset
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.operations.test_track_amendments import AMENDED, CONSTITUTION, PATH, constitution
from platformkit_pipeline_tests.orchestration.conftest import Platform
from platformkit_pipeline_tests.orchestration.events import data_versions, metadata_of

HOME = Target(TargetKind.REPOSITORY, "acme/platform", Environment.PRODUCTION)
ASSETS = (review_asset.annual_review, amendments_asset.amendments, readme_asset.enterprise_readme)
SPRING = datetime(2026, 3, 20, 6, 30, tzinfo=UTC)


class _Clock(datetime):
    """The spring of 2026."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # the assets ask for UTC only
        return SPRING


@pytest.fixture
def spring(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (review_asset, amendments_asset, readme_asset):
        monkeypatch.setattr(module, "datetime", _Clock)


def test_a_night_shows_the_agenda_who_follows_and_the_readme_and_the_next_one_changes_nothing(
    spring: None, platform: Platform, pipeline: Connection, instance: dg.DagsterInstance, tmp_path: Path, without_secret_search: None
) -> None:
    builder = RepositoryBuilder(tmp_path / "platform")
    builder.init()
    builder.write(CONSTITUTION, constitution("1.0.0", "One."))
    builder.commit("First version")
    builder.write(CONSTITUTION, AMENDED["constitution"])
    builder.write(PATH, AMENDED["document"].replace("- Rules: RLS001\n", ""))
    builder.write("CHANGELOG.md", AMENDED["changelog"])
    builder.commit("Amended")
    governance = {"constitution": HOME.name, "enterprise_readme": {"repository": HOME.name}}
    document = {"repositories": [{"name": HOME.name, "path": str(builder.folder)}], "governance": governance}
    platform.settings_path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pipeline.transaction():
        targets.sync(pipeline, [HOME])
    observe_repository_target(pipeline, HOME, builder.folder, run_id=None, cache=tmp_path / "cache")
    resources = {"settings": SettingsResource(), "control_plane": ControlPlaneResource()}
    runs = [dg.materialize(ASSETS, instance=instance, resources=resources, raise_on_error=False) for _ in range(2)]
    assert [run.success for run in runs] == [True, True]
    counted = pipeline.execute("select labels ->> 'outcome', count(*) from ops.metrics where name = 'governance.count' group by 1")
    assert counted.fetchall() == [("success", len(ASSETS) * 2)]
    first, second = (
        {asset.key.path[-1]: metadata_of(instance, run.run_id, asset.key.to_user_string()) for asset in ASSETS} for run in runs
    )
    assert "## 6 Amendments" in first["annual_review"]["agenda"]
    assert [told["annual_review"]["opened"] for told in (first, second)] == [True, False]
    assert [told["amendments"]["announced"] for told in (first, second)] == [1, 0]
    [row] = [record.data for record in first["amendments"]["targets"].records]
    assert (row["target"], row["due"], row["state"]) == (HOME.name, str(date(2026, 4, 10)), "outstanding")
    assert f"| {HOME.name} |" in first["enterprise_readme"]["readme"]
    assert second["enterprise_readme"]["diff"] == "nothing changed"
    assert "is not observed" in first["enterprise_readme"]["state"]
    assert data_versions(instance, runs[0].run_id) == data_versions(instance, runs[1].run_id)
