"""Keeps partitions and `ops.targets` in step with the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.record_settings import record_settings
from platformkit_pipeline.operations.sync_targets import sync_targets
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.in_flight import partitions_in_flight
from platformkit_pipeline.orchestration.partitions import (
    CONNECTORS,
    REPOSITORIES,
    SUPABASE_PROJECTS,
    PartitionChanges,
    connectors,
    partition_changes,
    repositories,
    supabase_projects,
)
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

_SECONDS_BETWEEN_TICKS = 30
_DEFINITIONS = (supabase_projects, repositories, connectors)
_Request = dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest


@dg.sensor(
    name="target_registry",
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for every target of the settings; removes those that left, unless a run uses them.",
)
def target_registry(
    context: dg.SensorEvaluationContext, settings: SettingsResource, control_plane: ControlPlaneResource
) -> dg.SensorResult:
    """One tick. A failed read is a skipped tick, never an empty list of targets: that would remove every partition."""
    try:
        listed = settings.read()
        with control_plane.session() as connection:
            stored = sync_targets(connection, listed)
            record_settings(connection, listed, datetime.now(UTC))
    except PlatformkitError as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(f"nothing was changed: {sentence_of(error)}"))
    wanted = {
        SUPABASE_PROJECTS: [project.name for project in listed.projects],
        REPOSITORIES: [repository.name for repository in listed.repositories],
        CONNECTORS: [connector.name for connector in listed.connectors],
    }
    changes = {partitions: _changes(context.instance, partitions, names) for partitions, names in wanted.items()}
    return dg.SensorResult(
        dynamic_partitions_requests=[
            request for partitions in _DEFINITIONS for request in _requests(partitions, changes[str(partitions.name)])
        ],
        skip_reason=dg.SkipReason(_sentence(tuple(changes.values()), sum(map(len, wanted.values())), len(stored.changed))),
    )


def _changes(instance: dg.DagsterInstance, partitions: str, wanted: Sequence[str]) -> PartitionChanges:
    existing = instance.get_dynamic_partitions(partitions)
    gone = set(existing) - set(wanted)
    return partition_changes(wanted, existing, partitions_in_flight(instance, existing) if gone else ())


def _requests(partitions: dg.DynamicPartitionsDefinition, changes: PartitionChanges) -> Iterator[_Request]:
    if changes.added:
        yield partitions.build_add_request(list(changes.added))
    if changes.removed:
        yield partitions.build_delete_request(list(changes.removed))


def _sentence(changes: Sequence[PartitionChanges], wanted: int, updated: int) -> str:
    added, removed, kept = (sum(len(getattr(c, name)) for c in changes) for name in ("added", "removed", "kept"))
    parts = [
        f"{added} added" if added else "",
        f"{removed} removed" if removed else "",
        f"{kept} kept until their run ends" if kept else "",
        f"{updated} declared differently" if updated else "",
    ]
    return f"{wanted} targets; " + (", ".join(filter(None, parts)) or "nothing changed")
