"""Opening a connection to a target, and telling a person in one sentence why it could not be opened.

Only targets: the control plane has a connection of its own. No query is sent here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ConfigurationError, TargetUnreachable

APPLICATION_NAME = "platformkit"

_CAUSES: tuple[tuple[str, str], ...] = (
    ("authentication failed|no password supplied|password is empty", "the server refused the login: wrong password, or no such user"),
    ("pg_hba.conf", "the server's pg_hba.conf admits no such connection; check address, user and whether TLS is required"),
    ("role .* does not exist", "the server knows no such user"),
    ("database .* does not exist", "the server has no such database"),
    ("permission denied for database", "the user may not connect to this database"),
    ("not permitted to log in", "the user may not log in (NOLOGIN)"),
    ("tenant or user not found", "the pooler knows no such project or user; its user names have the form user.project_ref"),
    ("failed to resolve host|could not translate host name", "the host name cannot be resolved"),
    ("connection refused", "connection refused; is the server up, and the port right?"),
    ("no such file or directory", "no server listens on this socket; is it up, and the directory right?"),
    ("timeout expired|timed out", "no answer in time; a firewall, a paused project or a wrong address"),
    ("network is unreachable", "the network is unreachable; does the host have an IPv4 address?"),
    ("no route to host", "no route to the host"),
    ("certificate", "TLS failed: the server's certificate was not accepted; check sslmode and sslrootcert"),
    (
        "ssl (connection|error|syscall|negotiation)|not support ssl|sslmode",
        "TLS failed: client and server do not agree on it; check sslmode",
    ),
    (
        "too many (connections|clients)|remaining connection slots",
        "the server has no connection left; use the pooler, or try again later",
    ),
    ("starting up", "the server is starting up; try again in a moment"),
    ("shutting down", "the server is shutting down"),
    ("server closed the connection", "the server closed the connection at once; is this a PostgreSQL port?"),
)
"""What the text of a failed connection says, most telling first. libpq gives no SQLSTATE at this stage."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a connection string leads, without its password; `str()` is what messages show."""

    host: str
    port: str
    database: str
    user: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.database} as {self.user}"


def connect(dsn: Dsn, *, connect_timeout: int = 10, impatient: bool = False) -> psycopg.Connection:
    """Open an autocommit connection that also passes a transaction pooler: no prepared statements, no startup options.

    `connect_timeout` is in seconds, per address, and yields to one in the connection string unless the caller is `impatient`.
    Raises ConfigurationError for a malformed string and TargetUnreachable for everything else; neither message contains the password.
    """
    parameters = _parse(dsn)
    location = _locate(parameters)
    try:
        return psycopg.connect(
            dsn.reveal(),
            autocommit=True,
            prepare_threshold=None,
            application_name=APPLICATION_NAME,
            client_encoding="utf8",
            connect_timeout=(None if impatient else parameters.get("connect_timeout")) or connect_timeout,
            options=parameters.get("options") or "",  # an empty value keeps PGOPTIONS out: poolers refuse startup options
            keepalives=1,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg.ProgrammingError:
        raise _malformed(dsn) from None
    except psycopg.Error as error:
        raise TargetUnreachable(f"{location}: {_cause(error, parameters)}") from None


def location_of(dsn: Dsn) -> Location:
    """Host, port, database and user of a connection string, with libpq's defaults. Raises ConfigurationError if malformed."""
    return _locate(_parse(dsn))


def _parse(dsn: Dsn) -> dict[str, str]:
    if not dsn.reveal().strip():
        raise ConfigurationError(f"{dsn.origin} is empty; expected postgresql://user:password@host:5432/database")
    try:
        parameters = {key: str(value) for key, value in conninfo_to_dict(dsn.reveal()).items() if value is not None}
    except psycopg.Error:
        raise _malformed(dsn) from None
    # A password with a bare '/', '@' or ':' moves its tail into these parts, from where messages would show it.
    if "://" in dsn.reveal():
        ports = parameters.get("port", "")
        misplaced = any("@" in parameters.get(part, "") for part in ("host", "port", "dbname"))
        if misplaced or any(not port.isdecimal() for port in ports.split(",") if port):
            raise _malformed(dsn)
    return parameters


def _malformed(dsn: Dsn) -> ConfigurationError:
    return ConfigurationError(
        f"{dsn.origin} is not a valid PostgreSQL connection string; expected postgresql://user:password@host:5432/database, "
        "with reserved characters of the password percent-encoded"
    )


def _locate(parameters: dict[str, str]) -> Location:
    user = parameters.get("user") or os.environ.get("PGUSER") or "the operating system user"
    return Location(
        host=parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST") or "local socket",
        port=parameters.get("port") or os.environ.get("PGPORT") or "5432",
        database=parameters.get("dbname") or os.environ.get("PGDATABASE") or user,
        user=user,
    )


def _cause(error: psycopg.Error, parameters: dict[str, str]) -> str:
    text = str(error)
    for pattern, cause in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return cause
    secrets = tuple(parameters[key] for key in ("password", "sslpassword") if key in parameters)
    return redact(" ".join(text.split()), secrets)
