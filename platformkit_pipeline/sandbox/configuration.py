"""The server's configuration file: defaults of an embedded server, and the caller's settings on top."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.binaries import Binaries

FILE_NAME = "platformkit.conf"
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?\Z")


def configuration_text(binaries: Binaries, sockets: Path, port: int, *, tcp: bool, settings: Mapping[str, str]) -> str:
    """Text of `platformkit.conf`. Raises SandboxError for a setting whose name or value cannot stand in such a file."""
    values = {
        "listen_addresses": "127.0.0.1" if tcp else "",
        "port": str(port),
        "unix_socket_directories": '"' + str(sockets) + '"',
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "logging_collector": "off",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "password_encryption": "scram-sha-256",
    }
    if binaries.has_library("pg_stat_statements"):
        values |= {"shared_preload_libraries": "pg_stat_statements", "compute_query_id": "on"}
    values |= settings
    return "".join(f"{_checked(name)} = {_quoted(name, value)}\n" for name, value in values.items())


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise SandboxError(f"{name!r} is not the name of a server setting.")
    return name


def _quoted(name: str, value: str) -> str:
    if "\n" in value or "\0" in value:
        raise SandboxError(f"The value of the server setting {name} contains a line break.")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
