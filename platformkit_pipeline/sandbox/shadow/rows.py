"""The few rows that rules ask for: buckets of the storage service and jobs of pg_cron."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.shadow.statement import Statement, statement_for
from platformkit_pipeline.sqltext.identifiers import literal

_UNNAMED = "unnamed "
_JOB = "jobid, schedule, command, database, username, active, jobname, nodename, nodeport"


def rows(snapshot: Snapshot) -> Iterator[Statement]:
    for bucket in snapshot.storage_buckets:
        values = f"{literal(bucket.id)}, {literal(bucket.name)}, {str(bucket.public).lower()}"
        yield statement_for(bucket, f"insert into storage.buckets (id, name, public) values ({values})")  # noqa: S608 - the values are quoted literals
    for number, job in enumerate(snapshot.cron_jobs, start=1):
        name = "null" if job.name.startswith(_UNNAMED) else literal(job.name)
        texts = ", ".join(map(literal, (job.schedule, job.command, job.database, job.username)))
        values = f"{number}, {texts}, {str(job.active).lower()}, {name}, 'localhost', 5432"
        yield statement_for(job, f"insert into cron.job ({_JOB}) overriding system value values ({values})")  # noqa: S608 - the values are quoted literals
