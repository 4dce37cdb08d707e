"""Partitions: one per target, named like it; the registry sensor keeps them in step with the settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import dagster as dg

SUPABASE_PROJECTS = "supabase_projects"
"""Name of the set of partitions; part of the contract, GraphQL clients use it."""

REPOSITORIES = "repositories"
"""The same for repositories."""

CONNECTORS = "connectors"
"""The same for connectors."""

supabase_projects = dg.DynamicPartitionsDefinition(name=SUPABASE_PROJECTS)
repositories = dg.DynamicPartitionsDefinition(name=REPOSITORIES)
connectors = dg.DynamicPartitionsDefinition(name=CONNECTORS)

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"


@dataclass(frozen=True, slots=True)
class PartitionChanges:
    """What brings the partitions in step. `kept` would be removed, were no run using them."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...] = ()


def partition_changes(wanted: Collection[str], existing: Collection[str], in_flight: Collection[str]) -> PartitionChanges:
    """Compare settings with partitions. A partition under a queued or running run stays: its run would fail at the end."""
    gone = set(existing) - set(wanted)
    return PartitionChanges(
        added=tuple(sorted(set(wanted) - set(existing))),
        removed=tuple(sorted(gone - set(in_flight))),
        kept=tuple(sorted(gone & set(in_flight))),
    )


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """Tags of one run over all of `keys`, which must be in the order in which Dagster lists them."""
    return {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]}
