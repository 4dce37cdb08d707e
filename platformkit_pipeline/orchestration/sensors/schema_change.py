"""Scans a project when its schema was changed, by whatever way, so that nobody waits for the night."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.look_at_schemas import Looked, look_at_schemas
from platformkit_pipeline.operations.watch_schemas import Decision, Remembered, decide, due
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.in_flight import partitions_in_flight
from platformkit_pipeline.orchestration.jobs import scan_target
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS
from platformkit_pipeline.orchestration.resources import SettingsResource

MARKER_TAG = "platformkit/schema_marker"
_SECONDS_BETWEEN_TICKS = 30
_NAMED = 3


@dg.sensor(
    name="schema_change",
    job=scan_target,
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Scans every project whose schema is another one than at its last request (clauses 1.1, 4.2); one that keeps changing once a "
        "minute. At most 25 requests and 20 seconds of looking a tick, the others at the next; one that does not answer pauses."
    ),
)
def schema_change(context: dg.SensorEvaluationContext, settings: SettingsResource) -> dg.SensorResult:
    """One tick. What was seen stands in the cursor; projects that have no partition yet wait for the registry."""
    try:
        listed = settings.read()
    except PlatformkitError as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(f"nobody was looked at: {sentence_of(error)}"), cursor=context.cursor)
    registered = context.instance.get_dynamic_partitions(SUPABASE_PROJECTS)
    known = set(registered)
    variables = {project.name: project.database.dsn_env for project in listed.projects if project.name in known}
    remembered, now = Remembered.from_json(context.cursor), datetime.now(UTC).timestamp()
    looked = look_at_schemas({name: variables[name] for name in due(variables, remembered, now)})
    # Asked after the looks: a run that has just ended must not hold back what it may not have seen.
    # The night counts for nobody: it takes hours with many projects, and runs on one project take turns.
    busy = partitions_in_flight(context.instance, registered, {scan_target.name})
    decision = decide(variables, looked.markers, busy, remembered, now)
    requests = [
        # A key is dropped for ever and silently when it comes again, so it is that of the occasion, not of the schema.
        dg.RunRequest(run_key=request.occasion, partition_key=request.name, tags={MARKER_TAG: request.marker})
        for request in decision.requests
    ]
    said = _sentence(decision, looked, len(variables), len(listed.projects) - len(variables))
    context.log.info(said)
    return dg.SensorResult(
        run_requests=requests, skip_reason=None if requests else dg.SkipReason(said), cursor=decision.remembered.to_json()
    )


def _sentence(decision: Decision, looked: Looked, ready: int, not_ready: int) -> str:
    named = "; ".join(f"{name}: {why}" for name, why in list(looked.failures.items())[:_NAMED])
    pausing = len(decision.remembered.failing) - len(looked.failures)
    left_over = ready - len(looked.markers) - pausing
    parts = [
        f"{len(decision.requests)} changed" if decision.requests else "no schema has changed" if not decision.waiting else "",
        f"{len(decision.waiting)} changed and wait for a run, a minute, or the next tick" if decision.waiting else "",
        f"{len(looked.failures)} could not be looked at ({named})" if looked.failures else "",
        f"{pausing} pause after failed looks" if pausing else "",
        f"{left_over} were left for the next tick" if left_over else "",
        f"{not_ready} have no partition yet" if not_ready else "",
    ]
    return "; ".join(part for part in parts if part)
