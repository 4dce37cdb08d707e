"""Tell people of runs that failed, once, and once more when the same job has done its work again (clause 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from platformkit_pipeline.control_plane.alerts import open_alerts
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.operations.announce import Announced, announce

_LONGEST_SENTENCE = 500
_TOLD = "select exists(select from ops.alerts where kind = %s and run_id = %s)"


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

    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        if run.succeeded:
            # A success that is told late does not end a failure that came after it.
            lives = open_alerts(connection, [AlertKind.RUN_FAILED])
            failing = any(life.subject == run.subject and life.raised_at <= run.ended for life in lives)
            return announce(connection, (), (_alert(run),) if failing else (), run.ended)
        told = connection.execute(_TOLD, (AlertKind.RUN_FAILED.value, run.run_id)).fetchone()
        return announce(connection, () if told and told[0] else (_alert(run),), (), run.ended)


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
