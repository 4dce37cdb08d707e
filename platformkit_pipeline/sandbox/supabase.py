"""Give a database the shape of a hosted Supabase project: roles, schemas, auth helpers, storage, default grants.

A stand-in for scanning, migrations and policies; no service runs on it. The SQL is in `sql/sandbox/supabase/`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.databases import connect, create_database

OBSERVER_ROLE = "platformkit_observer"
"""Login role as which the sandbox's projects are scanned: it may connect and read the catalogues, nothing else."""

DEFAULT_EXPOSED_SCHEMAS = ("public", "graphql_public")

_log = get_logger("sandbox.supabase")


class GrantRegime(StrEnum):
    """What the platform grants on new objects in `public` by itself; it changed in 2026."""

    AUTOMATIC = "automatic"
    """Everything, to anon, authenticated and service_role: all projects before 2026."""
    EXPLICIT = "explicit"
    """Nothing that the Data API could use: all projects since 30 October 2026. Existing objects keep their grants."""


_SHAPE = ("roles.sql", "schemas.sql", "auth.sql", "storage.sql", "services.sql")
_GRANTS = {GrantRegime.AUTOMATIC: ("grants_automatic.sql",), GrantRegime.EXPLICIT: ("grants_automatic.sql", "grants_explicit.sql")}


def shape_sql(grants: GrantRegime) -> str:
    """The statements that make the shape; the same text makes the same database."""
    return "\n".join(read_sql(f"sandbox/supabase/{name}") for name in (*_SHAPE, *_GRANTS[grants]))


def install_supabase_shape(dsn: Dsn, *, grants: GrantRegime, exposed_schemas: tuple[str, ...] = DEFAULT_EXPOSED_SCHEMAS) -> None:
    """Install into the database of `dsn`, whose role must be superuser; one transaction, may be repeated.

    Running it again with the other regime changes what later objects get, as it did on the platform.
    """
    with connect(dsn, autocommit=False) as connection:
        try:
            connection.execute("set local client_min_messages = warning")
            connection.execute(shape_sql(grants).encode())
            _set_up_database(connection, exposed_schemas)
        except psycopg.Error as error:
            database = connection.info.dbname
            raise SandboxError(f"The Supabase shape could not be installed in {database}: {redact(str(error)).strip()}") from error
        _log.debug("supabase shape installed", database=connection.info.dbname, grants=grants.value)


def copy_supabase_database(
    admin: Dsn, name: str, *, template: str, exposed_schemas: tuple[str, ...] = DEFAULT_EXPOSED_SCHEMAS, copy_files: bool = False
) -> Dsn:
    """A new database from a Supabase-shaped template, with what CREATE DATABASE leaves behind: owner and settings."""
    dsn = create_database(admin, name, template=template, copy_files=copy_files)
    with connect(dsn, autocommit=False) as connection:
        _set_up_database(connection, exposed_schemas)
    return dsn


def _set_up_database(connection: psycopg.Connection[tuple[Any, ...]], exposed_schemas: tuple[str, ...]) -> None:
    """What belongs to the database as an object of the server. Exposed schemas are set per database: roles are shared."""
    database = sql.Identifier(connection.info.dbname)
    connection.execute("lock table pg_catalog.pg_authid in share row exclusive mode")
    row = connection.execute("select not rolsuper from pg_catalog.pg_roles where rolname = 'postgres'").fetchone()
    if row == (True,):
        connection.execute(sql.SQL("alter database {} owner to postgres").format(database))
    setting = sql.SQL("alter role authenticator in database {} set pgrst.db_schemas = {}")
    connection.execute(setting.format(database, sql.Literal(", ".join(exposed_schemas))))
