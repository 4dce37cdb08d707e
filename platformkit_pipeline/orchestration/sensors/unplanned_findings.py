"""A finding without plan gets one, and a plan that nobody tried is proven, so that `platformkit apply` has something to offer."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.unplanned_findings import Asked, to_request
from platformkit_pipeline.operations.unplanned_findings import unplanned_findings as find_unplanned
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.in_flight import partitions_in_flight
from platformkit_pipeline.orchestration.jobs import plan_target
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS
from platformkit_pipeline.orchestration.resources import ControlPlaneResource

_SECONDS_BETWEEN_TICKS = 30


@dg.sensor(
    name="unplanned_findings",
    job=plan_target,
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Plans and proves for every project whose latest complete scan left failures that no proven plan mends (clauses 1.4, 11.1): once "
        "for each scan, at most 25 a tick, and never while a run of the project is under way."
    ),
)
def unplanned_findings(context: dg.SensorEvaluationContext, control_plane: ControlPlaneResource) -> dg.SensorResult:
    """One tick. The cursor holds for which scan each project was last asked for."""
    try:
        with control_plane.session() as connection:
            unplanned = find_unplanned(connection)
    except PlatformkitError as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(f"nobody was looked at: {sentence_of(error)}"), cursor=context.cursor)
    registered = context.instance.get_dynamic_partitions(SUPABASE_PROJECTS)
    busy = partitions_in_flight(context.instance, registered) if unplanned else ()
    requests, asked = to_request(unplanned, set(registered), busy, Asked.from_json(context.cursor))
    said = f"{len(unplanned)} projects have findings without a proven plan" if unplanned else "every finding has a plan that was tried"
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"plan:{one.name}@{one.scan_id}", partition_key=one.name) for one in requests],
        skip_reason=None if requests else dg.SkipReason(said),
        cursor=asked.to_json(),
    )
