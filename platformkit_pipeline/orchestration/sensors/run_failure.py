"""Tells people of runs that failed, and that the job works again.

One sensor with a cursor of its own instead of two of Dagster's run status sensors: those go on when their function fails, so that a
control plane which is away for a moment would lose the alert; and a success that is seen before the failure it ends would settle nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.run_failures import EndedRun, tell_of_run
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.partitions import PARTITION_TAG
from platformkit_pipeline.orchestration.resources import ControlPlaneResource

_SECONDS_BETWEEN_TICKS = 30
_MOST_RUNS = 50
_VERSION = 1
_OVERLAP = timedelta(seconds=60)
"""A run may become visible after another that ended later; so long one is looked for behind the last one seen."""
_ENDED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
_FAILURES = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


@dataclass(frozen=True, slots=True)
class Seen:
    """Until when runs were looked at, and those of the last minute before, by id. What ended before `begun` is told to nobody."""

    begun: datetime
    until: datetime
    runs: Mapping[str, datetime] = field(default_factory=dict)

    def to_json(self) -> str:
        runs = {run_id: at.isoformat() for run_id, at in self.runs.items()}
        value = {"version": _VERSION, "begun": self.begun.isoformat(), "until": self.until.isoformat(), "runs": runs}
        return json.dumps(value, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | None, now: datetime) -> Seen:
        """What `to_json` wrote; else a beginning: what ends from `now` on is told.

        Moments after `now`, of a clock that was ahead, become `now`: else nothing was told until it is that late.
        """
        try:
            value = json.loads(text or "{}")
            if value["version"] != _VERSION:
                return cls(now, now)
            runs = {str(run_id): _moment(at) for run_id, at in value["runs"].items()}
            return cls(min(_moment(value["begun"]), now), min(_moment(value["until"]), now), runs)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(now, now)

    def and_run(self, record: dg.RunRecord) -> Seen:
        """With one more run, and without those that nobody looks for any more."""
        at = _utc(record.update_timestamp)
        until = max(self.until, at)
        runs = {**self.runs, record.dagster_run.run_id: at}
        return Seen(self.begun, until, {run_id: then for run_id, then in runs.items() if then > until - _OVERLAP})


@dg.sensor(
    name="run_failure",
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Raises the alert `run.failed` for every run that failed, once for a job and partition until it succeeds again, and settles it "
        "then (clause 4.2). At most 50 ended runs a tick, in the order of their ends."
    ),
)
def run_failure(context: dg.SensorEvaluationContext, control_plane: ControlPlaneResource) -> dg.SensorResult:
    """One tick. It asks for no run; what was looked at stands in the cursor, which moves only past what was told."""
    seen = Seen.from_json(context.cursor, datetime.now(UTC))
    records = context.instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_after=seen.until - _OVERLAP),
        limit=_MOST_RUNS + len(seen.runs),
        order_by="update_timestamp",
        ascending=True,
    )
    told = settled = 0
    said = ""
    for record in records:
        if record.dagster_run.run_id in seen.runs or _utc(record.update_timestamp) < seen.begun:
            continue
        try:
            if (run := _ended(context.instance, record)) is not None:
                with control_plane.session() as connection:
                    announced = tell_of_run(connection, run)
                told, settled = told + announced.raised, settled + announced.settled
        except PlatformkitError as error:
            said = f"; the others wait: {sentence_of(error)}"
            break
        seen = seen.and_run(record)
    return dg.SensorResult(skip_reason=dg.SkipReason(f"{told} failures told, {settled} settled{said}"), cursor=seen.to_json())


def _ended(instance: dg.DagsterInstance, record: dg.RunRecord) -> EndedRun | None:
    """None for a failure that the same job and partition have succeeded after: there is nothing to tell any more."""
    run = record.dagster_run
    partition = run.tags.get(PARTITION_TAG)
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else _utc(record.update_timestamp)
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return EndedRun(run.run_id, run.job_name, partition, ended, succeeded=True)
    tags = {PARTITION_TAG: partition} if partition else {}
    later = instance.get_run_records(
        dg.RunsFilter(
            job_name=run.job_name, statuses=[dg.DagsterRunStatus.SUCCESS], tags=tags, created_after=_utc(record.create_timestamp)
        ),
        limit=1,
    )
    if any((other.end_time or 0) > ended.timestamp() for other in later):
        return None
    return EndedRun(run.run_id, run.job_name, partition, ended, succeeded=False, why=_why(instance, run.run_id))


def _why(instance: dg.DagsterInstance, run_id: str) -> str:
    """Words of the step that failed, as the step chose them; else those of the run."""
    for entry in instance.get_records_for_run(run_id, of_type=_FAILURES, limit=10).records:
        event = entry.event_log_entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None and data.user_failure_data.description:
                return data.user_failure_data.description
            if data.error is not None:
                return data.error.message
        elif event.message:
            return event.message
    return ""


def _moment(text: str) -> datetime:
    """Raises ValueError for one without its offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment has an offset")
    return moment


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
