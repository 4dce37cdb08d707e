"""Replay a repository's migrations and compare what they make with what is live (MIG050, MIG051).

The live project is only read. What the replay needs runs on a private server that is thrown away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from platformkit_pipeline.introspection.postgres.applied_migrations import applied_versions
from platformkit_pipeline.introspection.postgres.differences import compare_schemas
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.model.drift import Regression
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.migration import MigrationFile, MigrationSet, UnreadableFile
from platformkit_pipeline.model.migration_history import AppliedVersion, DriftReport, MigrationHistory, VersionRow, VersionState
from platformkit_pipeline.model.settings import Project, Settings
from platformkit_pipeline.model.snapshot import Snapshot, Unobserved
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.regressions import lost_protections, still_lost
from platformkit_pipeline.operations.replay_migrations import Grants, ReplayOptions, grants_of, in_order, replay_and_observe, without_texts
from platformkit_pipeline.rules.evaluate import evaluate_history
from platformkit_pipeline.rules.registry import Rule, Source, all_rules, ruleset_digest

MIGRATIONS = Path("supabase") / "migrations"
"""Where a repository keeps its migrations."""

Progress = Callable[[str], None]
Versions = tuple[AppliedVersion, ...] | Unobserved


@dataclass(frozen=True, slots=True)
class LiveProject:
    """What was observed of the project: its schema, the versions it has applied, and what it was like before."""

    snapshot: Snapshot
    versions: Versions
    previous: Snapshot | None = None
    """An earlier observation, to tell what was lost since."""
    lost: tuple[Regression, ...] = ()
    """What was lost according to the control plane, as `operations.regressions` tells it."""


def check_drift(
    dsn: Dsn,
    *,
    target: Target,
    folder: Path,
    options: ReplayOptions,
    only_applied: bool = False,
    before: tuple[Snapshot, tuple[Regression, ...]] | None = None,
    progress: Progress = lambda _: None,
) -> DriftReport:
    """Observe the database of `dsn` and compare it with what the migrations of `folder` make.

    `only_applied` leaves out the files that the project has not applied yet; `before` is what `known_history` tells, for
    protections that were lost since. Raises ConfigurationError without such a folder,
    SandboxError without a server for the replay, ObservationError when the project cannot be observed.
    """
    files = read_migrations(folder)
    progress("observing the live schema")
    snapshot = observe(dsn)
    previous, lost = before or (None, ())
    live = LiveProject(snapshot, applied_versions(dsn), previous, still_lost(lost, snapshot))
    return check_observed(live, target=target, folder=folder, files=files, options=options, only_applied=only_applied, progress=progress)


def check_observed(
    live: LiveProject,
    *,
    target: Target,
    folder: Path,
    options: ReplayOptions,
    files: MigrationSet | None = None,
    only_applied: bool = False,
    progress: Progress = lambda _: None,
) -> DriftReport:
    """The same for a project that was observed already, as it is stored in the control plane."""
    read = files if files is not None else read_migrations(folder)
    chosen = _only_applied(read, live.versions) if only_applied else read
    if options.grants is Grants.BY_DATE:
        options = replace(options, grants=grants_of(live.snapshot))
    replay, declared = replay_and_observe(chosen, options, progress)
    history = MigrationHistory(
        folder=str(folder),
        files=without_texts(read),
        replay=replay,
        to_compare=True,
        versions=() if isinstance(live.versions, Unobserved) else tuple(reconcile(read, live.versions)),
        versions_unobserved=live.versions.why if isinstance(live.versions, Unobserved) else None,
        regressions=(*live.lost, *(lost_protections(live.previous, live.snapshot) if live.previous is not None else ())),
    )
    if declared is not None:
        progress("comparing")
        comparison = compare_schemas(declared, live.snapshot)
        history = replace(history, differences=comparison.differences, compared=comparison.compared)
    return replace(
        judged(target, history),
        declared_fingerprint=catalog_fingerprint(declared) if declared is not None else None,
        live_fingerprint=catalog_fingerprint(live.snapshot),
        live_version=live.snapshot.server.version,
    )


def judged(target: Target, history: MigrationHistory) -> DriftReport:
    """What the rules say about a history."""
    rules = history_rules()
    return DriftReport(target, history, evaluate_history(history, rules), ruleset_digest(rules))


def history_rules() -> tuple[Rule, ...]:
    return tuple(r for r in all_rules() if r.source is Source.REPLAY)


def migrations_folder(settings: Settings, settings_file: Path, project: Project) -> Path | None:
    """Where the settings say that the project's migrations lie; None when they do not."""
    repository = next((r for r in settings.repositories if r.name == project.repository), None)
    if repository is None or repository.path is None:
        return None
    return settings_file.parent / repository.path / MIGRATIONS


def reconcile(files: MigrationSet, applied: tuple[AppliedVersion, ...]) -> Iterator[VersionRow]:
    """Version by version, what the folder has beside what was applied; for a person, who decides."""
    by_version: dict[str, list[MigrationFile | UnreadableFile]] = defaultdict(list)
    for file in in_order(files):
        by_version[file.version].append(file)
    recorded = {row.version: row for row in applied}
    for version in sorted(by_version.keys() | recorded.keys()):
        here, there = by_version.get(version, []), recorded.get(version)
        if there is None:
            yield from (VersionRow(version, VersionState.NOT_APPLIED, file.path) for file in here)
            continue
        if not here:
            yield VersionRow(version, VersionState.ORPHAN, None, there.name)
            continue
        known = [file for file in here if there.name in (None, "", getattr(file, "name", None))]
        the_one = known[0] if known else here[0]
        yield VersionRow(version, VersionState.APPLIED if known else VersionState.RENAMED, the_one.path, there.name)
        yield from (VersionRow(version, VersionState.NOT_APPLIED, file.path) for file in here if file is not the_one)


def _only_applied(files: MigrationSet, versions: Versions) -> MigrationSet:
    if isinstance(versions, Unobserved):
        raise ObservationError(
            f"it is not known which migrations are applied: {versions.why}; leave --only-applied out, or grant the right"
        )
    known = {row.version for row in versions}
    return replace(
        files,
        files=tuple(f for f in files.files if f.version in known),
        unreadable=tuple(f for f in files.unreadable if f.version in known),
    )
