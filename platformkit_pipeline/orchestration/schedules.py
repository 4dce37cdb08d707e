"""When the nightly run starts."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.model.settings import Schedule
from platformkit_pipeline.orchestration.jobs import nightly
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS, range_tags

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def nightly_schedule(schedule: Schedule) -> dg.ScheduleDefinition:
    """`schedule.nightly` of the settings, read when the code location is loaded: reload it after a change."""

    @dg.schedule(
        name="nightly",
        cron_schedule=schedule.nightly,
        execution_timezone=schedule.timezone,
        job=nightly,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Starts one run over all targets. Launched directly, because a backfill waits half a minute for its daemon.",
    )
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        targets = context.instance.get_dynamic_partitions(SUPABASE_PROJECTS)
        if not targets:
            return dg.SkipReason("no target is registered; list projects in platformkit.yaml")
        if running := context.instance.get_runs(dg.RunsFilter(job_name=nightly.name, statuses=UNFINISHED), limit=1):
            return dg.SkipReason(f"the nightly run {running[0].run_id} is not finished")
        return dg.RunRequest(tags=range_tags(targets))

    return every_night
