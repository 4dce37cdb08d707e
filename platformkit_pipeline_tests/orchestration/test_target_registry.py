"""The sensor that keeps partitions in step with the settings."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.orchestration.partitions import (
    CONNECTORS,
    REPOSITORIES,
    SUPABASE_PROJECTS,
    PartitionChanges,
    partition_changes,
    range_tags,
)
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
from platformkit_pipeline_tests.orchestration.conftest import MESSY, MULTITENANT, WELL_KEPT, Platform

Tick = Callable[[], str]


@pytest.fixture
def tick(defs: dg.Definitions, instance: dg.DagsterInstance) -> Tick:
    """One tick, whose requests are carried out as the daemon does; returns what the sensor said."""
    repository = defs.get_repository_def()
    (sensor,) = [s for s in repository.sensor_defs if s.name == "target_registry"]

    def run() -> str:
        resources = {"settings": SettingsResource(), "control_plane": ControlPlaneResource()}
        with dg.build_sensor_context(instance=instance, definitions=defs, resources=resources) as context:
            ticked = sensor.evaluate_tick(context)
        for request in ticked.dynamic_partitions_requests or ():
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
            else:
                for key in request.partition_keys:
                    instance.delete_dynamic_partition(request.partitions_def_name, key)
        return ticked.skip_message or ""

    return run


@pytest.fixture
def partitions(instance: dg.DagsterInstance) -> Callable[[], set[str]]:
    return lambda: set(instance.get_dynamic_partitions(SUPABASE_PROJECTS))


def _active(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("select name from ops.targets where retired_at is null").fetchall()}


def _queue_run(defs: dg.Definitions, instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.DagsterRun:
    job = defs.resolve_job_def("nightly")
    return instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)


@pytest.mark.parametrize(
    ("wanted", "existing", "in_flight", "expected"),
    [
        (["a", "b"], ["b"], [], PartitionChanges(("a",), ())),
        (["a"], ["a", "b", "c"], ["c"], PartitionChanges((), ("b",), ("c",))),
        ([], ["a"], ["a"], PartitionChanges((), (), ("a",))),
        (["a"], ["a"], ["a"], PartitionChanges((), ())),
    ],
)
def test_partitions_follow_the_settings_but_never_under_a_run(
    wanted: Collection[str], existing: Collection[str], in_flight: Collection[str], expected: PartitionChanges
) -> None:
    assert partition_changes(wanted, existing, in_flight) == expected


def test_a_listed_project_gets_a_partition_and_a_row_in_ops(
    platform: Platform, tick: Tick, partitions: Callable[[], set[str]], superuser: Connection
) -> None:
    platform.list_targets(WELL_KEPT, MESSY)
    assert tick() == "2 targets; 2 added"
    assert partitions() == {WELL_KEPT, MESSY} == _active(superuser)
    recorded = superuser.execute("select jsonb_array_length(content -> 'projects') from ops.settings_versions").fetchall()
    assert recorded == [(2,)], "the settings are on record as they were read"


def test_the_same_settings_again_change_nothing(platform: Platform, tick: Tick, superuser: Connection) -> None:
    platform.list_targets(WELL_KEPT)
    tick()
    audited = superuser.execute("select seq from ops.audit_head").fetchone()
    assert tick() == "1 targets; nothing changed"
    assert superuser.execute("select seq from ops.audit_head").fetchone() == audited


def test_a_project_that_left_and_came_back_is_served_again(
    platform: Platform, tick: Tick, partitions: Callable[[], set[str]], superuser: Connection
) -> None:
    for _ in range(2):  # the second occurrence is not taken for the first
        platform.list_targets(WELL_KEPT, MESSY)
        tick()
        assert partitions() == {WELL_KEPT, MESSY}
        platform.list_targets(WELL_KEPT)
        assert tick() == "1 targets; 1 removed"
        assert partitions() == {WELL_KEPT} == _active(superuser)


def test_broken_settings_are_a_skipped_tick_and_not_an_empty_list(
    platform: Platform, tick: Tick, partitions: Callable[[], set[str]], superuser: Connection
) -> None:
    platform.list_targets(WELL_KEPT)
    tick()
    platform.settings_path.write_text("projects: [", encoding="utf-8")
    assert tick().startswith(f"nothing was changed: {platform.settings_path}:2: is not YAML")
    platform.settings_path.unlink()
    assert "no such file" in tick()
    assert partitions() == {WELL_KEPT} == _active(superuser)


def test_an_unreachable_control_plane_is_a_skipped_tick(
    platform: Platform, tick: Tick, partitions: Callable[[], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.list_targets(WELL_KEPT)
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", "postgresql://platformkit_pipeline:hunter2@127.0.0.1:1/platformkit")
    said = tick()
    assert said.startswith("nothing was changed: control plane")
    assert "hunter2" not in said
    assert partitions() == set()


@pytest.mark.parametrize("tags", [{"dagster/partition": MESSY}, range_tags([WELL_KEPT, MULTITENANT])], ids=["one", "range"])
def test_a_partition_is_not_removed_under_a_run_that_uses_it(
    platform: Platform,
    tick: Tick,
    partitions: Callable[[], set[str]],
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    tags: dict[str, str],
) -> None:
    instance.add_dynamic_partitions(SUPABASE_PROJECTS, [WELL_KEPT, MESSY, MULTITENANT])
    run = _queue_run(defs, instance, tags)
    platform.list_targets(WELL_KEPT, MULTITENANT)
    assert tick() == "2 targets; 1 kept until their run ends"
    assert MESSY in partitions()
    instance.report_run_canceled(run)
    assert tick() == "2 targets; 1 removed"
    assert MESSY not in partitions()


def test_repositories_have_partitions_of_their_own(
    platform: Platform, tick: Tick, instance: dg.DagsterInstance, partitions: Callable[[], set[str]], superuser: Connection
) -> None:
    folders = {"acme/shop": Path("shop"), WELL_KEPT: Path("of the same name")}
    for _ in range(2):  # the second occurrence is not taken for the first
        platform.list_targets(WELL_KEPT, repositories=folders)
        assert tick().startswith("3 targets; ")
        assert partitions() == {WELL_KEPT}
        assert set(instance.get_dynamic_partitions(REPOSITORIES)) == set(folders)
        assert _active(superuser) == {WELL_KEPT, "acme/shop"}
        platform.list_targets(WELL_KEPT)
        assert tick() == "1 targets; 2 removed"
        assert instance.get_dynamic_partitions(REPOSITORIES) == []


def test_connectors_have_partitions_of_their_own(
    platform: Platform, tick: Tick, instance: dg.DagsterInstance, partitions: Callable[[], set[str]], superuser: Connection
) -> None:
    platform.list_targets(WELL_KEPT, connectors=[{"name": WELL_KEPT, "class": "acme.stripe:Stripe"}, {"name": "crm", "class": "acme:Crm"}])
    assert tick() == "3 targets; 3 added"
    assert (partitions(), set(instance.get_dynamic_partitions(CONNECTORS))) == ({WELL_KEPT}, {WELL_KEPT, "crm"})
    assert _active(superuser) == {WELL_KEPT, "crm"}
    platform.list_targets(WELL_KEPT)
    assert tick() == "1 targets; 2 removed"
    assert (partitions(), instance.get_dynamic_partitions(CONNECTORS)) == ({WELL_KEPT}, [])


def test_a_repository_that_left_stays_while_a_run_uses_it_and_broken_settings_remove_none(
    platform: Platform, tick: Tick, defs: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    platform.list_targets(repositories={"acme/shop": Path("shop")})
    tick()
    run = instance.create_run_for_job(
        defs.resolve_job_def("scan_repository"), tags={"dagster/partition": "acme/shop"}, status=dg.DagsterRunStatus.STARTED
    )
    platform.settings_path.write_text("repositories: [", encoding="utf-8")
    assert tick().startswith("nothing was changed")
    platform.list_targets()
    assert tick() == "0 targets; 1 kept until their run ends"
    assert instance.get_dynamic_partitions(REPOSITORIES) == ["acme/shop"]
    instance.report_run_canceled(run)
    assert tick() == "0 targets; 1 removed"
