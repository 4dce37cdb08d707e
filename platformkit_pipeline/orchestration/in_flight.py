"""What queued and running runs are about to write."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import dagster as dg

from platformkit_pipeline.orchestration.partitions import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def partitions_in_flight(instance: dg.DagsterInstance, existing: Sequence[str], jobs: Collection[str] | None = None) -> frozenset[str]:
    """Partitions of `existing`, in Dagster's order, that an unfinished run of one of `jobs` (None: of any) names, alone or in a range."""
    used: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if jobs is not None and run.job_name not in jobs:
            continue
        if key := run.tags.get(PARTITION_TAG):
            used.add(key)
        start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
        if start in existing and end in existing:
            used.update(existing[existing.index(start) : existing.index(end) + 1])
    return frozenset(used)
