"""Which versions a live project has applied: rows of `supabase_migrations.schema_migrations`, which no catalogue query reads."""

from __future__ import annotations

import psycopg

from platformkit_pipeline.introspection.postgres.connection import connect, location_of
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.migration_history import AppliedVersion
from platformkit_pipeline.model.snapshot import Unobserved

_SESSION = """
begin transaction read only;
set local statement_timeout = '20s';
set local lock_timeout = '5s';
set local search_path = pg_catalog
"""


def applied_versions(dsn: Dsn) -> tuple[AppliedVersion, ...] | Unobserved:
    """Versions in their order, or why they are not known. One read-only transaction.

    Raises ConfigurationError for a malformed connection string, TargetUnreachable without a connection, ObservationError for
    anything else the server answers.
    """
    try:
        with connect(dsn) as connection:
            connection.execute(_SESSION)
            row = connection.execute(read_sql("migrations/readable.sql").encode()).fetchone()
            reason = None if row is None else row[1]
            if reason is not None:
                return Unobserved("applied migrations", reason)
            rows = connection.execute(read_sql("migrations/applied.sql").encode()).fetchall()
    except psycopg.Error as error:
        said = redact(" ".join((error.diag.message_primary or str(error)).split()))
        raise ObservationError(f"{location_of(dsn)}: the applied migrations could not be read: {said}") from None
    return tuple(AppliedVersion(version, name) for version, name in rows)
