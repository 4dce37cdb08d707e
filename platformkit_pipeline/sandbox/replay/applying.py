"""Applies migration files as the platform's command line tool does: in order, each a transaction, each recorded, until one fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors, pq

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.migration import MigrationFile, UnreadableFile
from platformkit_pipeline.model.migration_history import FailureCause, Replay, ReplayFailure
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline.sandbox.replay.causes import Refusal, stand_in_reason
from platformkit_pipeline.sandbox.replay.limits import Limits, Watch, watched
from platformkit_pipeline.sandbox.replay.server import OWNER, Progress, ReplayDatabase
from platformkit_pipeline.sqltext.migration_script import Script, read_script
from platformkit_pipeline.sqltext.secrets import mask_secrets
from platformkit_pipeline.sqltext.transaction_blocks import may_stand_in_transaction, streams_rows

_SHOWN = 300
"""Characters of a statement or a message that are told."""
_RECORD = "insert into supabase_migrations.schema_migrations (version, name) values (%s, %s)"
_BETWEEN_FILES = "reset all; set statement_timeout = {statement}; set lock_timeout = {lock}"
"""The platform's tool resets all settings before each file; a role that a file has set stays."""
_NO_ROWS = "COPY from or to the client: in psql rows would follow, a migration has none"
_BREAKS = re.compile(r"\s+")


class _RefusedError(Exception):
    """A statement that was refused, and where."""

    def __init__(self, error: psycopg.Error | str, statement: str, line: int, reason: str | None = None) -> None:
        super().__init__()
        self.error, self.statement, self.line, self.reason = error, statement, line, reason


def apply_files(
    database: ReplayDatabase,
    files: Sequence[MigrationFile | UnreadableFile],
    *,
    explicit_from: int | None = None,
    limits: Limits,
    progress: Progress = lambda _: None,
) -> Replay:
    """Apply `files` in their order and stop at the first that fails.

    `explicit_from` is the position of the file before which the platform stopped granting on new objects by itself.

    A file that cannot be read ends the replay as well: nobody knows what comes after it. Raises SandboxError when the disk
    is full or the server is lost.
    """
    applied: list[str] = []
    outside: list[str] = []
    failure = None
    with watched(database.admin, OWNER, database.folder, limits.total_seconds) as watch, connect(database.owner) as connection:
        for number, file in enumerate(files, start=1):
            progress(f"{number}/{len(files)} {file.path}")
            if isinstance(file, UnreadableFile):
                failure = ReplayFailure(file.path, 1, "", f"the file {file.reason}", None, FailureCause.UNREADABLE)
                break
            if number - 1 == explicit_from:
                with connect(database.admin) as admin:
                    admin.execute(read_sql("sandbox/supabase/grants_explicit.sql").encode())
            try:
                if _apply(connection, file, limits):
                    outside.append(file.path)
            except _RefusedError as refused:
                failure = _failure(file, refused, watch, database.version)
                break
            applied.append(file.path)
    return Replay(database.version, tuple(applied), failure, tuple(f.path for f in files[len(applied) + 1 :]), tuple(outside))


def _apply(connection: psycopg.Connection[Any], file: MigrationFile, limits: Limits) -> bool:
    """True for a file that could not be one transaction. Raises _RefusedError; then the file has left nothing behind if it was one."""
    begin = _BETWEEN_FILES.format(statement=round(limits.statement_seconds * 1000), lock=round(limits.lock_seconds * 1000))
    _run(connection, begin, 1)
    last = file.text.count("\n") + 1
    script = read_script(file.text)
    at_once = all(may_stand_in_transaction(s.node) for s in script.statements) or _is_odd(script)
    if at_once:
        _run(connection, "begin", 1)
    if _is_odd(script):
        # The server's grammar may be newer than the parser's, and only the server says where the fault is.
        _run(connection, file.text, 1, whole_file=True)
    else:
        for statement in script.statements:
            if streams_rows(statement.node):
                raise _RefusedError("COPY without a file", statement.text, statement.line, _NO_ROWS)
            _run(connection, statement.text, statement.line)
    _record(connection, file, last)
    if connection.info.transaction_status is not pq.TransactionStatus.IDLE:
        _run(connection, "commit", last)  # checks what is deferred
    return not at_once


def _is_odd(script: Script) -> bool:
    """Not to be read as a whole, or with lines that are no SQL."""
    return bool(script.faults or script.meta_commands)


def _record(connection: psycopg.Connection[Any], file: MigrationFile, line: int) -> None:
    try:
        connection.execute(_RECORD, [file.version, file.name], prepare=False)
    except errors.UniqueViolation as error:
        reason = f"another file has the version {file.version}, too: the platform refuses the second"
        raise _RefusedError(error, _RECORD, line, reason) from None
    except errors.InsufficientPrivilege as error:
        raise _RefusedError(error, _RECORD, line, "the file leaves the session in a role that may not record its version") from None
    except psycopg.Error as error:
        raise _RefusedError(error, _RECORD, line) from None


def _run(connection: psycopg.Connection[Any], sql: str, line: int, *, whole_file: bool = False) -> None:
    try:
        connection.execute(sql.encode(), prepare=False)
    except psycopg.Error as error:
        position = error.diag.statement_position
        offset = int(position) - 1 if position and position.isdecimal() else 0
        told = sql[sql.rfind("\n", 0, offset) + 1 :] if whole_file else sql
        lost = "the file ended the replay's own session" if connection.closed else None
        raise _RefusedError(error, told, line + sql.count("\n", 0, offset), lost) from None


def _failure(file: MigrationFile, refused: _RefusedError, watch: Watch, server_version: str) -> ReplayFailure:
    error = refused.error
    sqlstate = error.sqlstate if isinstance(error, psycopg.Error) else None
    said = (error.diag.message_primary or str(error)) if isinstance(error, psycopg.Error) else error
    if isinstance(error, errors.DiskFull) and watch.broken is None:
        raise SandboxError(f"The disk is full: {_told(said)}. Free space where PLATFORMKIT_HOME lies, and try again.")
    cause, reason = FailureCause.MIGRATION, refused.reason
    if watch.broken is not None:
        cause, reason = FailureCause.LIMIT, watch.broken
    elif isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        cause, reason = FailureCause.LIMIT, "a statement or a lock took longer than a replay waits"
    elif reason is None and (stands_in := stand_in_reason(Refusal(sqlstate, said, refused.statement), server_version)):
        cause, reason = FailureCause.STAND_IN, stands_in
    elif isinstance(error, errors.SyntaxError) and (command := _psql_only(file.text, refused.line)):
        reason = f"{command} can be read by psql only; a migration is sent to the server as it is"
    return ReplayFailure(file.path, refused.line, _told(refused.statement), _told(said), sqlstate, cause, reason)


def _psql_only(text: str, line: int) -> str | None:
    """What psql would have taken out of the file before the server saw it, at or before the line of the fault."""
    commands = [c.command for c in read_script(text).meta_commands if c.line <= line]
    if not commands:
        return None
    return "rows behind COPY ... FROM stdin" if commands[-1] == "COPY" else f"the command {commands[-1]}"


def _told(text: str) -> str:
    flat = _BREAKS.sub(" ", redact(mask_secrets(text))).strip()
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]} ..."
