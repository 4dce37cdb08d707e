"""Every night: exception documents as they were last observed go on record, and their ends are told once (clauses 10.1, 4.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from platformkit_pipeline.control_plane import exceptions, targets
from platformkit_pipeline.control_plane.alerts import open_alerts
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.exceptions import ExceptionChanges, Origin
from platformkit_pipeline.governance.exceptions import entry_of, lapsed_because
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.exception import StoredException
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.model.waiver import REMINDER_DAYS
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.stored_repository import latest_repository_observation

_log = get_logger("operations.sync_exceptions")

Targets = Mapping[int, Target]


@dataclass(frozen=True, slots=True)
class ExceptionNight:
    """`changes` by name of the repository, where there are any; `unread` says why the rows of others were left as they are.

    `told` and `settled` count messages.
    """

    changes: Mapping[str, ExceptionChanges]
    unread: Mapping[str, str]
    told: int
    settled: int


def sync_exceptions(connection: Connection, settings: Settings, now: datetime, *, run_id: str | None = None) -> ExceptionNight:
    """Record the documents of the latest stored scan of every repository, and announce what expires within a week and what lapsed.

    One transaction; the same again writes nothing. A repository that was not observed keeps its rows: not knowing is not having none.
    Raises ControlPlaneError.
    """
    today = now.astimezone(UTC).date()
    changes: dict[str, ExceptionChanges] = {}
    unread: dict[str, str] = {}
    with control_plane_errors(), connection.transaction():
        active = {row.target_id: row.target for row in targets.list_active(connection)}
        for repository in settings.repositories:
            eligible = _eligible(settings, repository.name, active)
            try:
                found = _recorded(connection, target_of(repository), eligible, today, now, run_id)
            except ControlPlaneError as error:
                unread[repository.name] = str(error)
                continue
            if found.any:
                changes[repository.name] = found
        alerts = tuple(_alerts(exceptions.everything(connection), active, today))
        announced = announce(connection, alerts, tuple(_over(connection, alerts, active)), now)
    _log.info("synced", changed=len(changes), unread=len(unread), told=announced.raised, settled=announced.settled)
    return ExceptionNight(changes, unread, announced.raised, announced.settled)


def _eligible(settings: Settings, name: str, active: Targets) -> Mapping[str, Collection[int]]:
    """Whom an exception of the repository `name` can cover: itself, and every project whose repository it is; ids by name."""
    projects = {project.name for project in settings.projects if project.repository == name}
    found: dict[str, set[int]] = {}
    for target_id, target in active.items():
        itself = target.kind is TargetKind.REPOSITORY and target.name == name
        if itself or (target.kind is TargetKind.SUPABASE_PROJECT and target.name in projects):
            found.setdefault(target.name, set()).add(target_id)
    return found


def _recorded(
    connection: Connection, repository: Target, eligible: Mapping[str, Collection[int]], today: date, now: datetime, run_id: str | None
) -> ExceptionChanges:
    observation = latest_repository_observation(connection, repository)
    if not observation.snapshot.observed(RepositoryFacet.EXCEPTIONS):
        raise ControlPlaneError(f"its exceptions were not observed: {observation.snapshot.why_unobserved(RepositoryFacet.EXCEPTIONS)}")
    exceptions.lock(connection, observation.target_id)
    before = {row.entry.path: row.entry for row in exceptions.of_repository(connection, observation.target_id)}
    entries = [entry_of(document, before.get(document.path), today, eligible) for document in observation.snapshot.exceptions]
    origin = Origin(observation.target_id, observation.scan.scan_id, observation.scan.commit, run_id)
    return exceptions.record(connection, origin, entries, now)


def _alerts(rows: Iterable[StoredException], active: Targets, today: date) -> Iterator[Alert]:
    for row in rows:
        repository = active.get(row.target_id)
        if repository is None or row.removed_at is not None:
            continue
        entry = row.entry
        if why := lapsed_because(entry, today):
            headline = f"the exception {entry.path} of {repository.name} covers nothing any more: {why}"
            yield _alert(AlertKind.EXCEPTION_LAPSED, entry.path, Severity.HIGH, headline, row, active)
        elif not entry.faults and entry.expires_on is not None and entry.expires_on - today <= timedelta(days=REMINDER_DAYS):
            headline = f"the exception {entry.path} of {repository.name} ends with {entry.expires_on}"
            yield _alert(AlertKind.EXCEPTION_EXPIRES, f"{entry.path} until {entry.expires_on}", Severity.MEDIUM, headline, row, active)


def _alert(kind: AlertKind, subject: str, severity: Severity, headline: str, row: StoredException, active: Targets) -> Alert:
    entry = row.entry
    covered = sorted(active[target_id].name for target_id in entry.covers_target_ids if target_id in active)
    payload = {
        "path": entry.path,
        "title": entry.title,
        "rules": list(entry.rules),
        "covers": covered,
        "expires_on": entry.expires_on.isoformat() if entry.expires_on else None,
    }
    lasting = kind is AlertKind.EXCEPTION_LAPSED  # a reminder is said, and needs no end
    return Alert(kind, subject, severity, headline, active[row.target_id], payload, lasting=lasting, scan_id=row.scan_id)


def _over(connection: Connection, alerts: Collection[Alert], active: Targets) -> Iterator[Alert]:
    """Lapses whose document is gone or in force again."""
    going_on = {(alert.target, alert.subject) for alert in alerts if alert.kind is AlertKind.EXCEPTION_LAPSED}
    for life in open_alerts(connection, (AlertKind.EXCEPTION_LAPSED,)):
        target = active.get(life.target_id) if life.target_id is not None else None
        if target is not None and (target, life.subject) not in going_on:
            headline = f"the exception {life.subject} of {target.name} is in force again, or its document is gone"
            yield Alert(AlertKind.EXCEPTION_LAPSED, life.subject, Severity.INFO, headline, target)
