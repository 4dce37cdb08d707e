"""A repository's migrations as a history: what became of replaying them, and which of them the live project has applied."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.drift import Difference, Regression
from platformkit_pipeline.model.migration import MigrationSet
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.target import Target


class FailureCause(StrEnum):
    """Whose fault it is that a file could not be applied."""

    MIGRATION = "migration"
    """The file's own: it would fail on a new project of the platform as well."""
    STAND_IN = "stand_in"
    """The replay's database is not the platform: it lacks an extension, an object of a managed schema or a right."""
    UNREADABLE = "unreadable"
    """The file is no text, too large, or lies outside the folder."""
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
    """What the rules about histories judge (MIG050, MIG051)."""

    folder: str
    """As it was given."""
    files: MigrationSet
    replay: Replay
    differences: tuple[Difference, ...] | None = None
    """None where nothing was compared: nobody asked for it, or the replay is not complete."""
    to_compare: bool = False
    """Somebody asked for the differences."""
    compared: int = 0
    """Objects on either side, those that do not differ included."""
    versions: tuple[VersionRow, ...] = ()
    versions_unobserved: str | None = None
    """Why it is not known which versions the live project has applied."""
    regressions: tuple[Regression, ...] = ()


@dataclass(frozen=True, slots=True)
class DriftReport:
    """One replay, and what it was compared with, judged. `live_*` are None for a replay alone."""

    target: Target
    history: MigrationHistory
    results: tuple[Result, ...]
    ruleset_digest: str
    declared_fingerprint: str | None = None
    """Catalogue fingerprint of the replayed schema; None when the replay is not complete."""
    live_fingerprint: str | None = None
    live_version: str | None = None

    @property
    def findings(self) -> tuple[Result, ...]:
        return tuple(r for r in self.results if r.is_finding)

    @property
    def conclusion(self) -> Outcome:
        """FAIL for drift, a failing history or a lost protection; UNKNOWN when it cannot be told; else PASS."""
        outcomes = {r.outcome for r in self.results}
        if Outcome.FAIL in outcomes or self.history.regressions:
            return Outcome.FAIL
        return Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes else Outcome.PASS
