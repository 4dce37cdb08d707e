"""Decides a gate anew when a waiver or an exception has lapsed, was revoked or granted: no scan notices that."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.watch_covers import Key, Remembered, covers_in_force, to_redecide
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.in_flight import partitions_in_flight
from platformkit_pipeline.orchestration.jobs import (
    decide_connector_gate,
    decide_gate,
    decide_repository_gate,
    scan_connector,
    scan_repository,
    scan_target,
)
from platformkit_pipeline.orchestration.partitions import CONNECTORS, REPOSITORIES, SUPABASE_PROJECTS
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

_SECONDS_BETWEEN_TICKS = 60
_KINDS = {
    TargetKind.SUPABASE_PROJECT: (SUPABASE_PROJECTS, decide_gate, scan_target),
    TargetKind.REPOSITORY: (REPOSITORIES, decide_repository_gate, scan_repository),
    TargetKind.CONNECTOR: (CONNECTORS, decide_connector_gate, scan_connector),
}


@dg.sensor(
    name="waiver_lapses",
    jobs=[decide_gate, decide_repository_gate, decide_connector_gate],
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Decides the gate of every target anew of which other waivers and exceptions are in force than at the last look (clauses 4.2, "
        "10.2), without a scan; at most 25 a tick, and never while a scan of the target is under way."
    ),
)
def waiver_lapses(context: dg.SensorEvaluationContext, settings: SettingsResource, control_plane: ControlPlaneResource) -> dg.SensorResult:
    """One tick. The cursor holds a digest of the covers of each target that has any."""
    today = datetime.now(UTC).date()
    try:
        listed = settings.read()
        with control_plane.session() as connection:
            covers = covers_in_force(connection, listed, today)
    except PlatformkitError as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(f"nobody was looked at: {sentence_of(error)}"), cursor=context.cursor)
    ready, busy = _partitions(context.instance)
    requests, remembered = to_redecide(covers, ready, busy, Remembered.from_json(context.cursor), today)
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=one.occasion, partition_key=one.name, job_name=_KINDS[one.kind][1].name) for one in requests],
        skip_reason=None if requests else dg.SkipReason(f"{len(covers)} targets have covers in force; none changed"),
        cursor=remembered.to_json(),
    )


def _partitions(instance: dg.DagsterInstance) -> tuple[set[Key], set[Key]]:
    """Targets that have a partition, and those of them that a scan of their own is under way for."""
    ready: set[Key] = set()
    busy: set[Key] = set()
    for kind, (partitions, _, scan) in _KINDS.items():
        names = instance.get_dynamic_partitions(partitions)
        ready |= {(kind, name) for name in names}
        busy |= {(kind, name) for name in partitions_in_flight(instance, names, {scan.name})}
    return ready, busy
