"""Connections to the control plane: where it is, who logs in, and what a failure is called.

Belongs here: finding the DSN, opening a connection, session settings. Does not belong here: starting a server (that is
`sandbox`) and connections to targets (those are `introspection`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ControlPlaneError

Connection = psycopg.Connection[tuple[Any, ...]]

DATABASE_URL = "PLATFORMKIT_DATABASE_URL"
ADMIN_DATABASE_URL = "PLATFORMKIT_ADMIN_DATABASE_URL"

PIPELINE_STATEMENT_TIMEOUT = "5min"
PIPELINE_LOCK_TIMEOUT = "30s"
PIPELINE_SEARCH_PATH = "pg_catalog, pg_temp"
"""Whatever was set for its login: else a schema before pg_catalog could hold a `sha256` of somebody's own, and the audit log be whole."""
ADMIN_LOCK_TIMEOUT = "5s"
"""A migration that waits for a lock makes everybody behind it wait as well; better to give up and be run again."""


def control_plane_dsn() -> Dsn:
    """The pipeline's login, from PLATFORMKIT_DATABASE_URL. Raises ControlPlaneError when it is not set."""
    value = os.environ.get(DATABASE_URL)
    if not value:
        raise ControlPlaneError(
            f"no control plane: {DATABASE_URL} is not set; start a local one with `platformkit up` or `platformkit demo`, "
            "or set the variable to a PostgreSQL database for the role platformkit_pipeline"
        )
    return Dsn(value, origin=f"environment variable {DATABASE_URL}")


def admin_dsn() -> Dsn:
    """The login that migrates, from PLATFORMKIT_ADMIN_DATABASE_URL, else that of the pipeline."""
    value = os.environ.get(ADMIN_DATABASE_URL)
    return Dsn(value, origin=f"environment variable {ADMIN_DATABASE_URL}") if value else control_plane_dsn()


def connect(dsn: Dsn) -> Connection:
    """Open a connection for the pipeline: no autocommit, UTC, bounded statements and lock waits, built-in functions only.

    Raises ControlPlaneError when there is no connection, and when the login is a superuser: the audit log and row level
    security would not bind it.
    """
    bounds = {"lock_timeout": PIPELINE_LOCK_TIMEOUT, "statement_timeout": PIPELINE_STATEMENT_TIMEOUT}
    connection = _open(dsn, {**bounds, "search_path": PIPELINE_SEARCH_PATH})
    if connection.info.parameter_status("is_superuser") == "on":
        user = connection.info.user
        connection.close()
        raise ControlPlaneError(
            f"the pipeline does not run as superuser, and {user!r} ({dsn.origin}) is one: let {DATABASE_URL} name the role "
            f"platformkit_pipeline, and give the superuser's login in {ADMIN_DATABASE_URL} for migrations only"
        )
    return connection


def connect_admin(dsn: Dsn) -> Connection:
    """Open a connection for migrations and administration; superusers are welcome, statements are not bounded in time."""
    return _open(dsn, {"lock_timeout": ADMIN_LOCK_TIMEOUT, "statement_timeout": "0"})


@contextmanager
def session(dsn: Dsn) -> Iterator[Connection]:
    """A connection for one step: commits at the end, rolls back on any error, closes.

    Errors of the driver become ControlPlaneError, so that nobody above this room has to know psycopg.
    """
    connection = connect(dsn)
    try:
        with control_plane_errors(dsn), connection:
            yield connection
    finally:
        connection.close()


@contextmanager
def control_plane_errors(dsn: Dsn | None = None) -> Iterator[None]:
    """Turn psycopg's errors into ControlPlaneError without a password."""
    try:
        yield
    except psycopg.Error as error:
        raise ControlPlaneError(_explain(error, dsn)) from None


def require_transaction(connection: Connection) -> None:
    """Refuse a connection whose statements would be committed one by one."""
    if connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
        raise ValueError("this write takes several statements: call it inside a transaction")


def one_row(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The row of a statement that always returns one."""
    row = cursor.fetchone()
    if row is None:
        raise ControlPlaneError("the control plane answered no row where there is always one: run `platformkit doctor`")
    return row


def _open(dsn: Dsn, settings: Mapping[str, str]) -> Connection:
    if _parameters(dsn) is None:
        # The driver's message quotes the string, so nothing of it is repeated.
        raise ControlPlaneError(f"control plane: {dsn.origin} is not a PostgreSQL URL or keyword/value string")
    with control_plane_errors(dsn):
        connection = psycopg.connect(dsn.reveal(), prepare_threshold=None, connect_timeout=10, application_name="platformkit")
        try:
            # SET instead of startup options: poolers refuse those.
            connection.execute(
                "select pg_catalog.set_config(name, value, false) from unnest(%s::text[], %s::text[]) as setting (name, value)",
                (["timezone", *settings], ["UTC", *settings.values()]),
            )
            connection.commit()
        except psycopg.Error:
            connection.close()
            raise
    return connection


def _explain(error: psycopg.Error, dsn: Dsn | None) -> str:
    where = _address(dsn)
    text = error.diag.message_primary or str(error).strip() or type(error).__name__
    message = f"control plane{where}: {redact(' '.join(text.split()), _secrets(dsn))}"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return message + "; check that the migrations ran (`platformkit db migrate`) and that the login is platformkit_pipeline"
    if error.diag.message_hint:
        message += f" ({redact(error.diag.message_hint, _secrets(dsn))})"
    nobody_answered = error.sqlstate is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if nobody_answered and "FATAL:" not in text:  # a server that refuses says FATAL and why
        return message + "; is the server up, and is the address right?"
    return message


def _parameters(dsn: Dsn | None) -> dict[str, Any] | None:
    """The parts of a connection string; None when it cannot be read or there is none."""
    if dsn is None:
        return None
    try:
        return conninfo_to_dict(dsn.reveal())
    except psycopg.Error:
        return None


def _address(dsn: Dsn | None) -> str:
    parameters = _parameters(dsn) or {}
    labels = {"dbname": "database", "host": "at", "port": "port"}
    parts = [f"{label} {parameters[key]}" for key, label in labels.items() if parameters.get(key)]
    return f" ({' '.join(parts)})" if parts else ""


def _secrets(dsn: Dsn | None) -> tuple[str, ...]:
    parameters = _parameters(dsn) or {}
    return tuple(str(parameters[key]) for key in ("password", "sslpassword") if parameters.get(key))
