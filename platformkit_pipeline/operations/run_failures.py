"""Tell people of runs that failed, once, and once more when the same job has done its work again (clause 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from platformkit_pipeline.control_plane.alerts import open_alerts
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.operations.announce import Announced, announce

_LONGEST_SENTENCE = 500
_SCANS = ("scan_target", "scan_repository", "scan_connector")
"""Jobs of one target: that its scan fails is told by itself."""
_TOLD = """
select exists(select from ops.alerts where kind = %(run_failed)s and run_id = %(run_id)s)
    or exists(
      select
        from ops.alerts a
        join ops.targets t on t.target_id = a.target_id
       where a.kind = %(scan_failed)s and %(scan)s and t.name = %(partition)s and (a.settled_at is null or a.run_id = %(run_id)s)
    )
"""


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that came to an end at `ended` (UTC). `partition` is None for one over many; `why` is empty for one that succeeded."""

    run_id: str
    job: str
    partition: str | None
    ended: datetime
    succeeded: bool
    why: str = ""

    @property
    def subject(self) -> str:
        """What failed: the same from night to night, so that it is told once and not every night."""
        return self.job if self.partition is None else f"{self.job}/{self.partition}"


def tell_of_run(connection: Connection, run: EndedRun) -> Announced:
    """Raise or settle the alert of the run's job and partition, in one transaction. The same run again tells nothing.

    Nor does the scan of one target that failed, where `scan.failed` tells of it. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        if run.succeeded:
            # A success that is told late does not end a failure that came after it.
            lives = open_alerts(connection, [AlertKind.RUN_FAILED])
            failing = any(life.subject == run.subject and life.raised_at <= run.ended for life in lives)
            return announce(connection, (), (_alert(run),) if failing else (), run.ended)
        return announce(connection, () if _is_told(connection, run) else (_alert(run),), (), run.ended)


def _is_told(connection: Connection, run: EndedRun) -> bool:
    asked = {
        "run_failed": AlertKind.RUN_FAILED.value,
        "scan_failed": AlertKind.SCAN_FAILED.value,
        "run_id": run.run_id,
        "scan": run.job in _SCANS,
        "partition": run.partition,
    }
    return bool(one_row(connection.execute(_TOLD, asked))[0])


def _alert(run: EndedRun) -> Alert:
    of = "" if run.partition is None else f" of {run.partition}"
    why = redact(" ".join(run.why.split()))[:_LONGEST_SENTENCE]
    return Alert(
        AlertKind.RUN_FAILED,
        run.subject,
        Severity.HIGH,
        f"{run.job}{of} failed: {why or 'the run says no reason'}",
        payload={"job": run.job, "partition": run.partition, "reason": why},
        run_id=run.run_id,
    )
