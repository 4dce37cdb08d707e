"""When the nightly runs start."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.model.settings import Schedule
from platformkit_pipeline.orchestration.in_flight import UNFINISHED
from platformkit_pipeline.orchestration.jobs import nightly, nightly_connectors, nightly_parity, nightly_repositories
from platformkit_pipeline.orchestration.partitions import CONNECTORS, REPOSITORIES, SUPABASE_PROJECTS, range_tags

_NO_PROJECTS = "no target is registered; list projects in platformkit.yaml"


def nightly_schedules(schedule: Schedule) -> tuple[dg.ScheduleDefinition, ...]:
    """`schedule.nightly` of the settings, read when the code location is loaded: reload it after a change.

    Each kind of target, and the contracts of projects, have a run of their own, at the same time: none waits for another.
    """
    return (
        _every_night(schedule, nightly.name, SUPABASE_PROJECTS, missing=_NO_PROJECTS),
        _every_night(
            schedule, nightly_repositories.name, REPOSITORIES, missing="no repository is registered; list repositories in platformkit.yaml"
        ),
        _every_night(
            schedule, nightly_connectors.name, CONNECTORS, missing="no connector is registered; list connectors in platformkit.yaml"
        ),
        _every_night(schedule, nightly_parity.name, SUPABASE_PROJECTS, missing=_NO_PROJECTS),
    )


def _every_night(schedule: Schedule, job: str, partitions: str, *, missing: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=job,
        cron_schedule=schedule.nightly,
        execution_timezone=schedule.timezone,
        job_name=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts one run over all {partitions}. Launched directly, because a backfill waits half a minute for its daemon.",
    )
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        targets = context.instance.get_dynamic_partitions(partitions)
        if not targets:
            return dg.SkipReason(missing)
        if running := context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED), limit=1):
            return dg.SkipReason(f"the nightly run {running[0].run_id} is not finished")
        return dg.RunRequest(tags=range_tags(targets))

    return every_night


def daily(schedule: Schedule, name: str, job: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """One run of a job without partitions at the times of `cron`, unless the one before is not finished."""

    @dg.schedule(
        name=name,
        cron_schedule=cron,
        execution_timezone=schedule.timezone,
        job_name=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def start(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if running := context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED), limit=1):
            return dg.SkipReason(f"the run {running[0].run_id} is not finished")
        return dg.RunRequest()

    return start


def housekeeping_schedules(schedule: Schedule) -> tuple[dg.ScheduleDefinition, ...]:
    """What the platform does for itself, every day at the time of `schedule.governance`, when the nightly runs are over."""
    return (daily(schedule, "prune_runs", "prune_runs", schedule.governance, "Forgets old runs; Dagster itself would keep them for ever."),)
