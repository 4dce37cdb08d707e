"""Forgets runs that are old and hold nothing which is still the latest, so that Dagster's own storage stops growing.

Dagster prunes ticks and nothing else; deleting a run takes its materializations along, so that a partition which nobody has
materialized since would count as never materialized. Such runs stay, however old they are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from platformkit_pipeline.logs import get_logger

KEPT = timedelta(days=30)
"""A run is looked at again for so long: its log is what a person reads after a failure."""

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_PAGE = 200

_log = get_logger("orchestration.pruning")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one night."""

    deleted: int = 2000
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Pruned:
    """Numbers of runs. `holding` are old, but hold something that is the latest; `complete` says that every old run was looked at."""

    deleted: int
    holding: int
    complete: bool


@dataclass(slots=True)
class _Latest:
    """Which stored event is the latest of an asset or of a partition of it; asked for once an asset."""

    instance: dg.DagsterInstance
    by_asset: dict[dg.AssetKey, tuple[Mapping[str, int], int | None]] = field(default_factory=dict)

    def is_latest(self, key: dg.AssetKey, partition: str | None, storage_id: int) -> bool:
        if key not in self.by_asset:
            kind = dg.DagsterEventType.ASSET_MATERIALIZATION
            newest = self.instance.fetch_materializations(key, limit=1).records
            self.by_asset[key] = (
                self.instance.get_latest_storage_id_by_partition(key, kind),
                newest[0].storage_id if newest else None,
            )
        partitions, newest_id = self.by_asset[key]
        return storage_id == newest_id or (partition is not None and partitions.get(partition) == storage_id)


def prune_old_runs(instance: dg.DagsterInstance, now: datetime, *, kept: timedelta = KEPT, limits: Limits = Limits()) -> Pruned:
    """Delete ended runs that were created and changed before `now - kept`, oldest first, with their logs. Repeatable at any point."""
    before = now.astimezone(UTC) - kept
    deadline = time.monotonic() + limits.seconds
    latest = _Latest(instance)
    deleted = holding = 0
    cursor: str | None = None
    while True:
        runs = instance.get_runs(
            dg.RunsFilter(statuses=_ENDED, created_before=before, updated_before=before), cursor=cursor, limit=_PAGE, ascending=True
        )
        for run in runs:
            if deleted == limits.deleted or time.monotonic() > deadline:
                return _said(Pruned(deleted, holding, complete=False))
            if _holds_something(instance, run.run_id, latest):
                holding += 1
                cursor = run.run_id
            else:
                instance.delete_run(run.run_id)
                deleted += 1
        if len(runs) < _PAGE:
            return _said(Pruned(deleted, holding, complete=True))


def _holds_something(instance: dg.DagsterInstance, run_id: str, latest: _Latest) -> bool:
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=_PAGE)
        for record in page.records:
            key = record.asset_key
            if key is not None and latest.is_latest(key, record.partition_key, record.storage_id):
                return True
        if not page.has_more:
            return False
        cursor = page.cursor


def _said(pruned: Pruned) -> Pruned:
    _log.info("old runs pruned", deleted=pruned.deleted, holding=pruned.holding, complete=pruned.complete)
    return pruned


@dg.op(name="delete_old_runs", description="Deletes what is older than 30 days and holds no latest materialization, at most 2,000 a night.")
def _delete_old_runs() -> None:
    context = dg.OpExecutionContext.get()
    pruned = prune_old_runs(context.instance, datetime.now(UTC))
    context.log.info("%d runs deleted, %d kept for what they hold", pruned.deleted, pruned.holding)


@dg.job(
    name="prune_runs",
    description="Old runs and their logs go; Dagster itself would keep them for ever (design section 9).",
    executor_def=dg.in_process_executor,
)
def prune_runs() -> None:
    _delete_old_runs()
