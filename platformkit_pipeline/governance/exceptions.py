"""Exception documents as rows of the control plane, and what they cover (clause 10.1). Pure: the day is an argument."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date

from platformkit_pipeline.model.day import written_day
from platformkit_pipeline.model.exception import ApprovedText, ExceptionEntry, Signature
from platformkit_pipeline.model.person import same_person
from platformkit_pipeline.model.repository.governance import NOTHING_NAMED, ExceptionDocument, Role
from platformkit_pipeline.model.waiver import Cover, CoverKind

_CHANGED = "it was changed after its approval: both have to approve again, on later days"
_EVERY_OBJECT = ("*",)
_LONGEST_REASON = 200


def entry_of(
    document: ExceptionDocument, before: ExceptionEntry | None, today: date, eligible: Mapping[str, Collection[int]]
) -> ExceptionEntry:
    """What a document comes to on `today` (UTC), beside what it came to `before`.

    `eligible` has the names of the targets that an exception of this repository can cover, and their ids: itself and its projects.
    One that cannot be read covers nothing until it can; what it was approved as is kept.
    """
    approved = before.approved if before else None
    if document.fault is not None or document.digest is None:
        fault = f"it {document.fault}" if document.fault else "its digest was not observed: scan the repository again"
        return ExceptionEntry(document.path, hashlib.sha256(fault.encode()).hexdigest(), approved, faults=(fault,))
    entry = ExceptionEntry(
        path=document.path,
        content_digest=document.digest,
        title=document.title,
        rules=document.rules,
        objects=document.objects,
        target_names=document.targets,
        covers_target_ids=_covered(document.targets, eligible),
        rationale=document.rationale_text,
        risk=document.risk_text,
        mitigation=document.mitigation_text,
        documented_on=written_day(document.date),
        expires_on=written_day(document.expiry),
        security=_signature(document, Role.SECURITY_OWNER),
        architect=_signature(document, Role.PLATFORM_ARCHITECT),
    )
    entry = replace(entry, approved=_approved(entry, approved, today))
    return replace(entry, faults=tuple(_faults(entry, today)))


def covers_of(entry: ExceptionEntry) -> tuple[Cover, ...]:
    """One per rule, from the later approval to the last day, both included; none where anything is at fault."""
    first_day, last_day = entry.approved_on, entry.expires_on
    if entry.faults or first_day is None or last_day is None:
        return ()
    reason = (entry.title or entry.rationale)[:_LONGEST_REASON]
    patterns = entry.objects or _EVERY_OBJECT
    return tuple(Cover(CoverKind.EXCEPTION, entry.path, rule, None, patterns, first_day, last_day, reason) for rule in entry.rules)


def lapsed_because(entry: ExceptionEntry, today: date) -> str | None:
    """Why something that was an exception is none any more, in words; None for one in force, and for one that never was."""
    if _changed(entry):
        return _CHANGED
    if not entry.faults and entry.expires_on is not None and entry.expires_on < today:
        return f"it held until {entry.expires_on}"
    return None


def _approved(entry: ExceptionEntry, before: ApprovedText | None, today: date) -> ApprovedText | None:
    """What was approved stays so until both approve again on later days: whoever changes a text does not approve the change by that.

    One person in both roles, or a day that has not come, is no approval: whoever corrects that changes nothing that was approved.
    """
    security, architect = entry.security, entry.architect
    if security.name is None or architect.name is None or security.day is None or architect.day is None:
        return before
    if _one_person(entry) or max(security.day, architect.day) > today:
        return before
    if before is not None and not (security.day > before.security_day and architect.day > before.architect_day):
        return before
    return ApprovedText(entry.content_digest, security.day, architect.day)


def _faults(entry: ExceptionEntry, today: date) -> Iterator[str]:
    if entry.documented_on is None:
        yield "its name does not begin with a day: docs/exceptions/<yyyy-mm-dd>-<summary>.md"
    elif entry.documented_on > today:
        yield f"its name has a day that has not come yet, {entry.documented_on}"
    for part, text in (("rationale", entry.rationale), ("risk assessment", entry.risk), ("mitigation plan", entry.mitigation)):
        if not text:
            yield f"it has no {part}"
    if not entry.rules:
        yield "it names no rule"
    yield from _approval_faults(entry, today)
    if entry.expires_on is None:
        yield "it has no expiry date of the form yyyy-mm-dd, and so counts as expired"
    elif entry.approved_on is not None and entry.expires_on < entry.approved_on:
        yield f"it expires on {entry.expires_on}, before it was approved on {entry.approved_on}"
    if NOTHING_NAMED in entry.objects:
        yield "its part Objects names none: name them between backticks, or leave the part out for every object of the rules"
    if NOTHING_NAMED in entry.target_names:
        yield "its part Targets names none: name them, or leave the part out for the repository and its projects"
    elif not entry.covers_target_ids:
        yield f"it names no target that is this repository or a project of it: {', '.join(entry.target_names)}"


def _approval_faults(entry: ExceptionEntry, today: date) -> Iterator[str]:
    for role, signature in ((Role.SECURITY_OWNER, entry.security), (Role.PLATFORM_ARCHITECT, entry.architect)):
        if signature.name is None:
            yield f"it lacks the approval of the {role.value}"
        elif signature.day is None:
            yield f"it lacks the day on which the {role.value} approved"
        elif signature.day > today:
            yield f"the {role.value} approved on a day that has not come yet, {signature.day}"
    if _one_person(entry):
        yield "one person gave both approvals: two are needed"
    if _changed(entry):
        yield _CHANGED


def _changed(entry: ExceptionEntry) -> bool:
    return entry.approved is not None and entry.approved.digest != entry.content_digest


def _covered(names: Collection[str], eligible: Mapping[str, Collection[int]]) -> tuple[int, ...]:
    """Names of other targets count for nothing: an exception of one repository excuses no project of another team."""
    return tuple(sorted({target_id for name, ids in eligible.items() if not names or name in names for target_id in ids}))


def _signature(document: ExceptionDocument, role: Role) -> Signature:
    approval = next((a for a in document.approvals if a.role is role), None)
    return Signature(approval.name or None, written_day(approval.date)) if approval else Signature()


def _one_person(entry: ExceptionEntry) -> bool:
    return bool(entry.security.name and entry.architect.name and same_person(entry.security.name, entry.architect.name))
