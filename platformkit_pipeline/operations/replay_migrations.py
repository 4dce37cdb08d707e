"""Replay a repository's migrations on an empty project, alone: no live database is needed (MIG050)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.model.migration import MigrationFile, MigrationSet, UnreadableFile
from platformkit_pipeline.model.migration_history import MigrationHistory, Replay
from platformkit_pipeline.model.snapshot import PUBLIC, Snapshot
from platformkit_pipeline.sandbox.binaries import Binaries
from platformkit_pipeline.sandbox.replay.applying import apply_files
from platformkit_pipeline.sandbox.replay.limits import Limits
from platformkit_pipeline.sandbox.replay.server import OWNER, Progress, replay_database
from platformkit_pipeline.sandbox.supabase import GrantRegime

_EXPLICIT_SINCE = "20261030"
"""From that day on the platform grants nothing on new objects in any project."""
_EXPLICIT_IN_NEW_PROJECTS_SINCE = "20260530"
_DAY = re.compile(r"(?P<day>20\d{6})(?:\d{6})?\Z")


class Grants(StrEnum):
    """What the platform granted on new objects while the migrations were written."""

    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"
    BY_DATE = "by-date"
    """As the days in the versions tell: the platform changed its mind in 2026."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to replay. `parent` is where the private server lies, default below the platform's home."""

    grants: Grants = Grants.BY_DATE
    limits: Limits = field(default_factory=Limits)
    parent: Path | None = None
    binaries: Binaries | None = None


def replay_migrations(folder: Path, options: ReplayOptions, progress: Progress = lambda _: None) -> MigrationHistory:
    """Replay the migrations of `folder`. Raises ConfigurationError when there is no such folder, SandboxError without a server."""
    files = read_migrations(folder)
    replay, _ = replay_and_observe(files, options, progress)
    return MigrationHistory(str(folder), without_texts(files), replay)


def replay_and_observe(files: MigrationSet, options: ReplayOptions, progress: Progress) -> tuple[Replay, Snapshot | None]:
    """What became of the replay, and the schema that the migrations declare; None when the replay is not complete."""
    ordered = in_order(files)
    first, explicit_from = _regimes([f.version for f in ordered], options.grants)
    with replay_database(grants=first, parent=options.parent, binaries=options.binaries, progress=progress) as database:
        replay = apply_files(database, ordered, explicit_from=explicit_from, limits=options.limits, progress=progress)
        if not replay.complete:
            return replay, None
        progress("observing the replayed schema")
        return replay, observe(database.admin)


def in_order(files: MigrationSet) -> tuple[MigrationFile | UnreadableFile, ...]:
    """All files that the platform's tool runs, those that cannot be read at their places among them."""
    return tuple(sorted((*files.files, *files.unreadable), key=lambda f: f.path.encode("utf-8", errors="surrogateescape")))


def without_texts(files: MigrationSet) -> MigrationSet:
    """What a report keeps of a folder: texts may hold secrets, and nobody reads them any more."""
    return replace(files, files=tuple(replace(f, text="") for f in files.files), rollbacks=MappingProxyType({}))


def grants_of(live: Snapshot) -> Grants:
    """AUTOMATIC where the live project still grants on new tables and functions; else the days of the versions decide."""
    of_owner = (d for d in live.default_privileges if d.role == OWNER)
    defaults = {(d.schema, d.object_type): {(p.grantee, p.privilege) for p in d.privileges} for d in of_owner}
    functions = defaults.get((None, "functions"))
    still = ("anon", "SELECT") in defaults.get(("public", "tables"), set()) and (functions is None or (PUBLIC, "EXECUTE") in functions)
    return Grants.AUTOMATIC if still else Grants.BY_DATE


def _regimes(versions: Sequence[str], grants: Grants) -> tuple[GrantRegime, int | None]:
    """The regime at the start, and the position of the file from which on it is EXPLICIT.

    A version that is no day says nothing, and a project counts as made on the day of its first migration.
    """
    if grants is not Grants.BY_DATE:
        return GrantRegime(grants.value), None
    days = [match["day"] if (match := _DAY.match(version)) else "" for version in versions]
    if days and days[0] >= _EXPLICIT_IN_NEW_PROJECTS_SINCE:
        return GrantRegime.EXPLICIT, None
    return GrantRegime.AUTOMATIC, next((n for n, day in enumerate(days) if day >= _EXPLICIT_SINCE), None)
