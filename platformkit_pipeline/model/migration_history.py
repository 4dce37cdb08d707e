"""A repository's migrations as a history: what became of replaying them, and which of them the live project has applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from platformkit_pipeline.model.drift import Difference, Regression
from platformkit_pipeline.model.snapshot import Unobserved


class FailureCause(StrEnum):
    """Whose fault it is that a file could not be applied."""

    MIGRATION = "migration"
    """The file's own: it would fail on a new project of the platform as well."""
    STAND_IN = "stand_in"
    """The replay's database is not the platform: it lacks an extension, an object of a managed schema or a right."""
    LIMIT = "limit"
    """Time or disk space of the replay ran out."""


@dataclass(frozen=True, slots=True)
class ReplayFailure:
    """The first file that could not be applied. Texts hold no secret."""

    file: str
    line: int
    """Counted from 1, in the file."""
    statement: str
    """Its beginning."""
    message: str
    sqlstate: str | None
    cause: FailureCause
    reason: str | None = None
    """What the file asks for that is not to be had here, or what it holds that a migration cannot."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay on an empty database. Files are named as in the folder, in the order of their versions."""

    server_version: str
    applied: tuple[str, ...]
    failure: ReplayFailure | None = None
    untried: tuple[str, ...] = ()
    """After a failure: the command line tool of the platform stops there as well."""
    outside_transaction: tuple[str, ...] = ()
    """Files with a statement that PostgreSQL refuses in a transaction block: a failure would leave half of one behind."""

    @property
    def complete(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class LeftOutFile:
    """A file of the folder that the platform's command line tool passes over, and why."""

    file: str
    why: str


@dataclass(frozen=True, slots=True, order=True)
class AppliedVersion:
    """One row of `supabase_migrations.schema_migrations`."""

    version: str
    name: str | None = None


class VersionState(StrEnum):
    APPLIED = "applied"
    """In the folder and applied."""
    NOT_APPLIED = "not_applied"
    """In the folder only."""
    ORPHAN = "orphan"
    """Applied, and no file has this version."""
    RENAMED = "renamed"
    """Applied under another name: it may have been another file."""


@dataclass(frozen=True, slots=True, order=True)
class VersionRow:
    """One version: what the folder has and what was applied."""

    version: str
    state: VersionState
    file: str | None = None
    applied_as: str | None = None


@dataclass(frozen=True, slots=True)
class MigrationHistory:
    """What the rules of the family judge (MIG050, MIG051)."""

    folder: str
    replay: Replay
    files: int = 0
    left_out: tuple[LeftOutFile, ...] = ()
    duplicates: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Version and the files that share it."""
    differences: tuple[Difference, ...] | None = None
    """None where nothing was compared: no live database was asked for, or the replay is not complete."""
    compared_objects: int = 0
    versions: tuple[VersionRow, ...] = ()
    versions_unobserved: Unobserved | None = None
    """Why the applied versions are not known."""
    regressions: tuple[Regression, ...] = field(default=())
