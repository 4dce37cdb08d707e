"""Amendments of the constitution: announced once when they are accepted, then followed target by target to their last day (clause 13)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from platformkit_pipeline.control_plane import amendments as store
from platformkit_pipeline.control_plane.amendments import BoundTarget, RecordedAmendment
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.governance.amendments import Stage, accepted_on, lacking, stage_on
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.record_json import to_json
from platformkit_pipeline.model.repository.governance import Amendment, last_day_of
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.amendment_rules import kinds_bound_by, scanned_rules
from platformkit_pipeline.operations.announce import announce, open_lives
from platformkit_pipeline.operations.follow_amendment import follows_by_findings
from platformkit_pipeline.operations.observed_constitution import observed_constitution
from platformkit_pipeline.operations.stored_repository import StoredRepositoryObservation

_SEVERITY = {Stage.THIRTY_DAYS: Severity.LOW, Stage.SEVEN_DAYS: Severity.MEDIUM, Stage.OVERDUE: Severity.HIGH}


@dataclass(frozen=True, slots=True)
class AmendmentsTracked:
    """All amendments of the constitution as they stand after a night, and every active target that an announced one binds.

    `announced` are the paths of those announced in this call, `changed_since` of those whose documents say something else than they did
    then; `why_not` tells why nothing was looked at.
    """

    amendments: tuple[RecordedAmendment, ...] = ()
    targets: tuple[BoundTarget, ...] = ()
    announced: tuple[str, ...] = ()
    changed_since: tuple[str, ...] = ()
    why_not: str = ""

    def overdue(self, now: datetime) -> tuple[BoundTarget, ...]:
        """What is not done, and was due before the day of `now`."""
        return tuple(bound for bound in self.targets if bound.done_at is None and stage_on(bound.due, now.date()) is Stage.OVERDUE)


def track_amendments(connection: Connection, settings: Settings, now: datetime) -> AmendmentsTracked:
    """Read the amendments of `governance.constitution` from its latest observation; announce, follow, remind. One transaction.

    The same call again changes and tells nothing. What was announced stays as it was then, whatever becomes of its document.
    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        store.lock(connection)
        observation = observed_constitution(connection, settings)
        if observation is None:
            named = settings.governance.constitution
            if named is None:
                announce(connection, [], _of_nobody(connection, (), now), now)
            return AmendmentsTracked(why_not=f"{named} was not observed yet" if named else "the settings name no governance.constitution")
        news = tuple(_recorded(connection, observation, now))
        documents = {amendment.path: amendment for amendment in observation.snapshot.amendments}
        ended = _follow(connection, observation.target_id, documents, now)
        known = store.recorded(connection, observation.target_id)
        bound = store.bound_targets(connection, observation.target_id)
        raised = [_accepted(amendment, [b for b in bound if b.path == amendment.path]) for amendment in news]
        raised += [alert for one in bound if (alert := _reminder(one, now))]
        over = [*(_due(one, stage) for one in ended for stage in Stage), *_of_nobody(connection, bound, now)]
        announce(connection, raised, over, now)
    changed = [a.path for a in known if a.announced_at and a.path in documents and _digest(documents[a.path]) != a.content_digest]
    return AmendmentsTracked(known, bound, tuple(a.path for a in news), tuple(changed))


def _recorded(connection: Connection, observation: StoredRepositoryObservation, now: datetime) -> Iterator[RecordedAmendment]:
    """Bring the record in line with the documents; gives those that are accepted from now on."""
    known = {amendment.path: amendment for amendment in store.recorded(connection, observation.target_id)}
    for document in observation.snapshot.amendments:
        before = known.get(document.path)
        if before is not None and before.announced_at is not None:
            continue
        amendment = _judged(observation, document, now)
        if before is not None and amendment == replace(before, amendment_id=0):
            continue
        stored = store.store(connection, observation.target_id, observation.scan.scan_id, amendment, document.approvals)
        if stored.announced_at is not None and stored.deadline is not None:
            store.bind(connection, stored.amendment_id, kinds_bound_by(stored.rules), stored.deadline)
            yield stored


def _judged(observation: StoredRepositoryObservation, document: Amendment, now: datetime) -> RecordedAmendment:
    constitution = next((c for c in observation.snapshot.constitutions if c.project == document.project), None)
    faults = tuple(lacking(document, constitution, scanned_rules().keys(), now.date()))
    accepted = accepted_on(document)
    return RecordedAmendment(
        amendment_id=0,
        path=document.path,
        version=document.version,
        title=document.title,
        rules=document.rules,
        accepted_on=accepted,
        deadline=last_day_of(document) if accepted else None,
        content_digest=_digest(document),
        faults=faults,
        announced_at=None if faults else now,
    )


def _digest(document: Amendment) -> str:
    """Of what it decides: how far the migration is may change."""
    said = to_json(replace(document, migration_done=False, in_changelog=False))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _follow(connection: Connection, constitution_id: int, documents: Mapping[str, Amendment], now: datetime) -> Sequence[BoundTarget]:
    """Note who follows an amendment since the last time."""
    done: list[BoundTarget] = []
    for bound in store.bound_targets(connection, constitution_id):
        if bound.done_at is not None:
            continue
        by_findings = follows_by_findings(connection, bound, now.date())
        document = documents.get(bound.path)
        if by_findings or (by_findings is None and document is not None and document.migration_done):
            store.note_done(connection, bound, "document" if by_findings is None else "findings", now)
            done.append(bound)
    return done


def _accepted(amendment: RecordedAmendment, bound: Sequence[BoundTarget]) -> Alert:
    return Alert(
        AlertKind.AMENDMENT_ACCEPTED,
        amendment.path,
        Severity.INFO,
        f"The constitution is amended to version {amendment.version}: {amendment.title}; targets follow by {amendment.deadline}",
        payload={
            "path": amendment.path,
            "version": amendment.version,
            "title": amendment.title,
            "rules": list(amendment.rules),
            "accepted_on": str(amendment.accepted_on),
            "deadline": str(amendment.deadline),
            "targets": len(bound),
        },
        lasting=False,
    )


def _reminder(bound: BoundTarget, now: datetime) -> Alert | None:
    stage = stage_on(bound.due, now.date()) if bound.done_at is None else None
    return None if stage is None else _due(bound, stage)


def _due(bound: BoundTarget, stage: Stage) -> Alert:
    when = "was due" if stage is Stage.OVERDUE else "is due"
    return Alert(
        AlertKind.AMENDMENT_DUE,
        f"{bound.path}/{stage.value}",
        _SEVERITY[stage],
        f"{bound.target.name}: the migration to version {bound.version} of the constitution {when} on {bound.due}",
        target=bound.target,
        payload={
            "path": bound.path,
            "version": bound.version,
            "due": bound.due.isoformat(),
            "stage": stage.value,
            "rules": list(bound.rules),
        },
    )


def _of_nobody(connection: Connection, bound: Sequence[BoundTarget], now: datetime) -> Sequence[Alert]:
    """Reminders of what nobody asks any more, because another constitution binds, or none: they are over.

    Nobody is told that a target which is gone follows.
    """
    asked = {(one.target_id, f"{one.path}/{stage.value}") for one in bound for stage in Stage}
    over: list[Alert] = []
    for life, target in open_lives(connection, [AlertKind.AMENDMENT_DUE], now):
        if target is not None and (life.target_id, life.subject) not in asked:
            said = f"{target.name}: the constitution that asked for {life.subject.rpartition('/')[0]} does not bind any more"
            over.append(
                Alert(life.kind, life.subject, Severity.INFO, said, target=target, payload={"path": life.subject.rpartition("/")[0]})
            )
    return over
