"""When the night starts, and what it asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest
import structlog

from platformkit_pipeline.orchestration.build import build_defs
from platformkit_pipeline.orchestration.partitions import CONNECTORS, RANGE_END_TAG, RANGE_START_TAG, REPOSITORIES, SUPABASE_PROJECTS
from platformkit_pipeline_tests.orchestration.conftest import MESSY, MULTITENANT, WELL_KEPT, Platform

TWO_O_CLOCK = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


NIGHTS = pytest.mark.parametrize(
    ("name", "partitions"),
    [
        ("nightly", SUPABASE_PROJECTS),
        ("nightly_repositories", REPOSITORIES),
        ("nightly_connectors", CONNECTORS),
        ("nightly_parity", SUPABASE_PROJECTS),
    ],
    ids=["projects", "repositories", "connectors", "contracts"],
)


def _requests(defs: dg.Definitions, instance: dg.DagsterInstance, name: str) -> list[dg.RunRequest]:
    return list(_tick(defs, instance, name).run_requests or ())


def _tick(defs: dg.Definitions, instance: dg.DagsterInstance, name: str) -> dg.ScheduleExecutionData:
    repository = defs.get_repository_def()
    schedule = repository.get_schedule_def(name)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=TWO_O_CLOCK, repository_def=repository) as context:
        return schedule.evaluate_tick(context)


@NIGHTS
def test_one_run_over_the_range_of_all_targets_and_the_next_night_as_well(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, partitions: str
) -> None:
    instance.add_dynamic_partitions(partitions, [WELL_KEPT, MESSY, MULTITENANT])
    for _ in range(2):
        (request,) = _requests(defs, instance, name)
        assert (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == (WELL_KEPT, MULTITENANT)
        assert (request.partition_key, request.run_key) == (None, None)


@NIGHTS
def test_without_targets_there_is_no_run(defs: dg.Definitions, instance: dg.DagsterInstance, name: str, partitions: str) -> None:
    instance.add_dynamic_partitions(({SUPABASE_PROJECTS, REPOSITORIES} - {partitions}).pop(), ["of the other kind"])
    ticked = _tick(defs, instance, name)
    assert not ticked.run_requests
    assert "is registered; list" in (ticked.skip_message or "")


@NIGHTS
def test_a_night_that_is_not_finished_is_not_started_again(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, partitions: str
) -> None:
    instance.add_dynamic_partitions(partitions, [WELL_KEPT])
    run = instance.create_run_for_job(defs.resolve_job_def(name), status=dg.DagsterRunStatus.STARTED)
    assert run.run_id in (_tick(defs, instance, name).skip_message or "")


def test_settings_say_when(platform: Platform) -> None:
    platform.settings_path.write_text("schedule: {nightly: '30 4 * * 1-5', timezone: Europe/Rome}", encoding="utf-8")
    schedules = build_defs().get_repository_def().schedule_defs
    structlog.reset_defaults()
    nights = {"nightly", "nightly_repositories", "nightly_connectors", "nightly_parity"}
    when = {schedule.name: (schedule.cron_schedule, schedule.execution_timezone) for schedule in schedules}
    assert {name: when[name] for name in nights} == dict.fromkeys(nights, ("30 4 * * 1-5", "Europe/Rome"))


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
def test_the_fleet_report_follows_every_night_however_it_ended(
    defs: dg.Definitions, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    repository = defs.get_repository_def()
    (sensor,) = [s for s in repository.sensor_defs if s.name == f"fleet_report_after_{status.value.lower()}"]
    keys = set()
    for name in ("nightly", "nightly", "nightly_repositories"):  # three runs, three reports
        run = instance.create_run_for_job(defs.resolve_job_def(name), status=status)
        event = dg.DagsterEvent(event_type_value=f"PIPELINE_{status.value}", job_name=name)
        with dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_instance=instance, dagster_run=run, dagster_event=event, repository_def=repository
        ) as context:
            request = sensor(context)
        assert isinstance(request, dg.RunRequest)
        keys.add(request.run_key)
    assert len(keys) == 3
