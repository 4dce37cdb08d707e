"""Databases on a server: make, drop, ask for, and connection strings that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import conninfo, errors, sql

from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ConfigurationError, SandboxError, TargetUnreachable

_COPIES_BY_STRATEGY = 15_00_00
"""Server version from which on CREATE DATABASE can be told how to copy."""


def with_database(dsn: Dsn, name: str) -> Dsn:
    """The same server and login, another database. Raises ConfigurationError for a string that is not a DSN."""
    return _changed(dsn, dbname=name)


def with_user(dsn: Dsn, user: str, password: str | None = None) -> Dsn:
    """The same server and database as another role. The password of the former role never goes along."""
    return _changed(dsn, user=user, password=password)


def _changed(dsn: Dsn, **changes: str | None) -> Dsn:
    """As a URL, whatever form came in: SQLAlchemy, and so Dagster, reads nothing else."""
    try:
        parameters: dict[str, Any] = {**conninfo.conninfo_to_dict(dsn.reveal()), **changes}
    except psycopg.ProgrammingError:
        # psycopg quotes the whole string, password included
        raise ConfigurationError(f"{dsn.origin} is not a connection string: neither a postgresql:// URL nor key=value pairs.") from None
    parameters = {key: str(value) for key, value in parameters.items() if value is not None}
    login = quote(parameters.pop("user", ""), safe="")
    if password := parameters.pop("password", ""):
        login += ":" + quote(password, safe="")
    database = quote(parameters.pop("dbname", ""), safe="")
    query = urlencode(parameters, quote_via=quote, safe="")
    host = _authority(parameters)
    if host is not None:
        query = urlencode({key: value for key, value in parameters.items() if key not in ("host", "port")}, quote_via=quote, safe="")
    return Dsn(f"postgresql://{login + '@' if login else ''}{host or ''}/{database}{'?' + query if query else ''}", dsn.origin)


def _authority(parameters: dict[str, str]) -> str | None:
    """`host:port` where a URL can carry it; None for a socket folder, a list of hosts or none: those stay parameters."""
    host = parameters.get("host", "")
    if not host or "/" in host or "," in host or host.startswith("@"):
        return None
    port = parameters.get("port")
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")


@contextmanager
def connect(dsn: Dsn, *, autocommit: bool = True) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection of this room, closed at the end. Raises TargetUnreachable without the password in its message."""
    try:
        connection = psycopg.connect(dsn.reveal(), autocommit=autocommit, connect_timeout=20, application_name="platformkit sandbox")
    except psycopg.ProgrammingError:
        raise ConfigurationError(f"{dsn.origin} is not a connection string: neither a postgresql:// URL nor key=value pairs.") from None
    except psycopg.OperationalError as error:
        raise TargetUnreachable(f"No connection to {dsn}: {redact(str(error)).strip()}") from None
    with connection:
        yield connection


def database_exists(admin: Dsn, name: str) -> bool:
    with connect(admin) as connection:
        return connection.execute("select from pg_catalog.pg_database where datname = %s", [name]).fetchone() is not None


def create_database(admin: Dsn, name: str, *, template: str | None = None, owner: str | None = None, copy_files: bool = False) -> Dsn:
    """Make a database and return the DSN to it, as the role of `admin`.

    Without `template` it is a copy of template0, so that nothing of the server's template1 slips in. `copy_files` costs the
    server two checkpoints instead of a log of every page: many times faster where it runs without fsync. Raises SandboxError
    when the name is taken or the template is in use.
    """
    statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template or "template0"))
    if owner is not None:
        statement += sql.SQL(" owner {}").format(sql.Identifier(owner))
    try:
        with connect(admin) as connection:
            if copy_files and connection.info.server_version >= _COPIES_BY_STRATEGY:  # before, there was no other way
                statement += sql.SQL(" strategy file_copy")
            connection.execute(statement)
    except psycopg.Error as error:
        raise SandboxError(f"The database {name} could not be made: {redact(str(error)).strip()}") from error
    return with_database(admin, name)


def ensure_database(admin: Dsn, name: str, *, template: str | None = None, owner: str | None = None) -> Dsn:
    """As `create_database`, but a database that exists is left as it is. Safe from several processes at once."""
    if not database_exists(admin, name):
        try:
            return create_database(admin, name, template=template, owner=owner)
        except SandboxError as error:
            if not isinstance(error.__cause__, errors.DuplicateDatabase | errors.UniqueViolation):
                raise
    return with_database(admin, name)


def drop_database(admin: Dsn, name: str) -> None:
    """Drop a database and end its connections; nothing happens if there is none."""
    with connect(admin) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def rename_database(admin: Dsn, name: str, new_name: str) -> None:
    """Give a database another name; atomic, and refused while anybody is connected to it."""
    with connect(admin) as connection:
        connection.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(new_name)))


def set_role_password(admin: Dsn, role: str, password: str) -> None:
    """Give a role a password. It is hashed on this side: the server and its log never see it."""
    with connect(admin) as connection:
        connection.pgconn.change_password(role.encode(), password.encode())
