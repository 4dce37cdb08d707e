"""Runner for `sql/control_plane/NNNN_name.sql`: forward only, checksummed, safe with many starters and after a kill.

A file is applied in one transaction together with its line in the ledger `ops.schema_migrations`, so a run that dies
leaves either both or neither. A file whose first line is `-- platformkit: no-transaction` holds exactly one statement
that PostgreSQL refuses in a transaction block (CREATE INDEX CONCURRENTLY); it must be written so that it can be run
again (IF NOT EXISTS), because a kill can come between the statement and the ledger.

Applied files never change. The runner holds a session lock: give it a direct connection, not a transaction pooler.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.connection import Connection, connect_admin, control_plane_errors, one_row
from platformkit_pipeline.locations import sql_directory
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ControlPlaneError

_LOG = get_logger("control_plane.migrations")
_FILE_NAME = re.compile(r"(?P<version>\d{4})_[a-z0-9_]+\.sql\Z")
_NO_TRANSACTION = re.compile(r"\s*--\s*platformkit:\s*no-transaction\b")
_LOCK_KEY = 0x706B_6F70_73
_LOCK_PATIENCE_SECONDS = 120.0
_LOCK_POLL_SECONDS = 0.1
MIGRATE_HINT = "run `platformkit db migrate`"


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One file of the directory. `version` is its number, `checksum` the SHA-256 (hex) of its bytes."""

    version: int
    name: str
    checksum: str
    text: str

    @property
    def transactional(self) -> bool:
        return not _NO_TRANSACTION.match(self.text)


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """One line of the ledger."""

    version: int
    name: str
    checksum: str
    duration_seconds: float
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`pending` holds file names in order; `problems` says why the runner would refuse, one sentence each."""

    applied: tuple[AppliedMigration, ...]
    pending: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def current(self) -> bool:
        return not self.pending and not self.problems


def migrate(
    admin: Dsn, *, directory: Path | None = None, lock_patience_seconds: float = _LOCK_PATIENCE_SECONDS
) -> tuple[AppliedMigration, ...]:
    """Apply what is pending, in order; returns what this call applied (nothing when another starter was faster).

    Raises ControlPlaneError when an applied file was edited, a number is missing or doubled, the database is ahead of this
    code, the role may not do it, or a statement fails. Files applied before the failing one stay applied.
    """
    files = _read_files(directory or sql_directory() / "control_plane")
    connection = connect_admin(admin)
    try:
        connection.add_notice_handler(_log_notice)
        connection.autocommit = True
        with control_plane_errors(admin), _migration_lock(connection, lock_patience_seconds):
            return _apply_pending(connection, files)
    finally:
        connection.close()


def status(dsn: Dsn, *, directory: Path | None = None) -> MigrationStatus:
    """Compare the ledger with the files. Any role that may read the ledger will do; changes nothing."""
    files = _read_files(directory or sql_directory() / "control_plane")
    connection = connect_admin(dsn)
    try:
        with control_plane_errors(dsn):
            return _compare(_read_ledger(connection), files)
    finally:
        connection.close()


def require_current(connection: Connection) -> None:
    """Raise ControlPlaneError unless the database is exactly at the level of this code."""
    with control_plane_errors():
        found = _compare(_read_ledger(connection), _read_files(sql_directory() / "control_plane"))
    if found.problems:
        raise ControlPlaneError("control plane: " + "; ".join(found.problems))
    if found.pending:
        raise ControlPlaneError(f"the control plane lacks {len(found.pending)} migration(s), first {found.pending[0]}: {MIGRATE_HINT}")


def _apply_pending(connection: Connection, files: Sequence[MigrationFile]) -> tuple[AppliedMigration, ...]:
    found = _compare(_read_ledger(connection), files)
    if found.problems:
        raise ControlPlaneError("migrations refused: " + "; ".join(found.problems))
    applied: list[AppliedMigration] = []
    for file in files:
        if file.name in found.pending:
            applied.append(_apply(connection, file))
            _LOG.info("migration applied", file=file.name, duration_seconds=round(applied[-1].duration_seconds, 3))
    return tuple(applied)


def _apply(connection: Connection, file: MigrationFile) -> AppliedMigration:
    started = time.monotonic()
    try:
        if file.transactional:
            with connection.transaction():
                _run_text(connection, file.text)
                return _record(connection, file, time.monotonic() - started)
        _drop_unfinished_indexes(connection)
        _run_text(connection, file.text)
        with connection.transaction():
            return _record(connection, file, time.monotonic() - started)
    except psycopg.Error as error:
        raise ControlPlaneError(_explain(error, file)) from None


def _explain(error: psycopg.Error, file: MigrationFile) -> str:
    primary = redact(error.diag.message_primary or str(error).strip())
    message = f"migration {file.name} failed and left nothing behind: {primary}"
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return f"{message}; another session holds a lock on the table: run it again"
    if isinstance(error, psycopg.errors.DuplicateSchema):
        return f"{message}; it was not made by platformkit: use a database of its own for the control plane"
    return f"{message} ({error.diag.message_hint})" if error.diag.message_hint else message


def _run_text(connection: Connection, text: str) -> None:
    # Without parameters psycopg speaks the simple protocol, which takes many statements. The text is a file of this product.
    connection.execute(text)


def _record(connection: Connection, file: MigrationFile, duration_seconds: float) -> AppliedMigration:
    (applied_at,) = one_row(
        connection.execute(
            "insert into ops.schema_migrations (version, name, checksum, duration_seconds) values (%s, %s, %s, %s) returning created_at",
            (file.version, file.name, file.checksum, duration_seconds),
        )
    )
    if audit.available(connection):
        audit.append(connection, [audit.AuditEntry("migration.applied", file.name, {"version": file.version, "checksum": file.checksum})])
    return AppliedMigration(file.version, file.name, file.checksum, duration_seconds, applied_at)


def _drop_unfinished_indexes(connection: Connection) -> None:
    """A killed CREATE INDEX CONCURRENTLY leaves an invalid index that IF NOT EXISTS would take for the real one."""
    rows = connection.execute(
        "select n.nspname, c.relname from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid "
        "join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'ops' and c.relkind = 'i' and not i.indisvalid"
    ).fetchall()
    for schema, name in rows:
        connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(schema, name)))


def _read_files(directory: Path) -> tuple[MigrationFile, ...]:
    files: list[MigrationFile] = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.match(path.name)
        if not match:
            raise ControlPlaneError(f"migration file {path.name} is not named NNNN_name.sql (lower case, digits, underscores)")
        content = path.read_bytes()
        files.append(MigrationFile(int(match["version"]), path.name, hashlib.sha256(content).hexdigest(), content.decode()))
    if not files:
        raise ControlPlaneError(f"no migration files in {directory}: the installation is not complete")
    for expected, file in enumerate(files, start=1):
        if file.version != expected:
            what = "carries a number twice" if file.version < expected else f"comes where number {expected:04d} is missing"
            raise ControlPlaneError(f"migration file {file.name} {what}")
    return tuple(files)


def _read_ledger(connection: Connection) -> tuple[AppliedMigration, ...]:
    (exists,) = one_row(
        connection.execute(
            "select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = 'ops' and c.relname = 'schema_migrations')"
        )
    )
    if not exists:
        return ()
    rows = connection.execute(
        "select version, name, checksum, duration_seconds, created_at from ops.schema_migrations order by version"
    ).fetchall()
    return tuple(AppliedMigration(*fields) for fields in rows)


def _compare(applied: Sequence[AppliedMigration], files: Sequence[MigrationFile]) -> MigrationStatus:
    known = {file.version: file for file in files}
    problems: list[str] = []
    for line in applied:
        file = known.get(line.version)
        if file is None:
            continue
        if file.name != line.name:
            problems.append(f"number {line.version:04d} was applied as {line.name} and is now {file.name}: applied files are never renamed")
        elif file.checksum != line.checksum:
            problems.append(f"{line.name} was edited after it was applied: restore it and put the change into a new file")
    ahead = [line.name for line in applied if line.version not in known]
    if ahead:
        problems.append(f"the database is ahead of this code (it has {', '.join(ahead)}): upgrade platformkit")
    done = {line.version for line in applied}
    late = [file.name for file in files if file.version not in done and file.version < max(done, default=0)]
    if late:
        problems.append(f"the ledger has a gap: {', '.join(late)} was never applied, later files were")
    return MigrationStatus(tuple(applied), tuple(file.name for file in files if file.version not in done), tuple(problems))


@contextmanager
def _migration_lock(connection: Connection, patience_seconds: float) -> Iterator[None]:
    """One runner per database. Polled: a session that waits in pg_advisory_lock holds a snapshot, for which CREATE INDEX
    CONCURRENTLY of the lock's holder waits in turn, and both stand still."""
    deadline = time.monotonic() + patience_seconds
    while not _try_lock(connection):
        if time.monotonic() >= deadline:
            raise ControlPlaneError(
                f"another migration run has held the lock for {patience_seconds:g} s: wait for it or end its session, then run again"
            )
        time.sleep(_LOCK_POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_catalog.pg_advisory_unlock(%s)", (_LOCK_KEY,))


def _try_lock(connection: Connection) -> bool:
    return bool(one_row(connection.execute("select pg_catalog.pg_try_advisory_lock(%s)", (_LOCK_KEY,)))[0])


def _log_notice(diagnostic: psycopg.errors.Diagnostic) -> None:
    _LOG.info("server notice", notice=diagnostic.message_primary, severity=diagnostic.severity_nonlocalized)
