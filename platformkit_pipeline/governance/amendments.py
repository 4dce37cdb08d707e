"""When an amendment of the constitution is accepted, whom it binds, and when people are reminded of it (clause 13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum

from platformkit_pipeline.model.person import same_person
from platformkit_pipeline.model.repository.governance import Amendment, Approval, Constitution, Role


class Stage(StrEnum):
    """How near the last day is. Each is told once per target."""

    THIRTY_DAYS = "30-days"
    SEVEN_DAYS = "7-days"
    OVERDUE = "overdue"


_REMINDERS = ((7, Stage.SEVEN_DAYS), (30, Stage.THIRTY_DAYS))


def stage_on(due: date, today: date) -> Stage | None:
    """The one that is reached on `today`, where `due` is the last day; None while there is time."""
    left = (due - today).days
    if left < 0:
        return Stage.OVERDUE
    return next((stage for days, stage in _REMINDERS if left <= days), None)


def accepted_on(amendment: Amendment) -> date | None:
    """The day of the later approval, where both roles approved with name and day."""
    approvals = [_approval(amendment, role) for role in Role]
    days = [date.fromisoformat(a.date) for a in approvals if a is not None and a.name and a.date]
    return max(days) if len(days) == len(Role) else None


def lacking(amendment: Amendment, constitution: Constitution | None, known_rules: Iterable[str], today: date) -> Iterator[str]:
    """What an amendment lacks to be accepted on `today` (UTC), one sentence each."""
    if amendment.fault:
        yield f"the document {amendment.fault}"
        return
    yield from _lacking_approvals(amendment, today)
    if not amendment.migration_plan:
        yield "there is no plan for the migration of existing projects"
    if amendment.version is None:
        yield "it names no version of the constitution"
    else:
        yield from _lacking_version(amendment, amendment.version, constitution)
    accepted = accepted_on(amendment)
    if accepted and amendment.deadline and date.fromisoformat(amendment.deadline) < accepted:
        yield f"its deadline, {amendment.deadline}, is before the day on which it was approved, {accepted}"
    if unknown := sorted(set(amendment.rules) - set(known_rules)):
        yield f"it names rules that do not exist: {', '.join(unknown)}"


def _lacking_approvals(amendment: Amendment, today: date) -> Iterator[str]:
    names: list[str] = []
    for role in Role:
        approval = _approval(amendment, role)
        if approval is None or approval.name is None:
            yield f"the {role.value} has not approved it"
            continue
        names.append(approval.name)
        if approval.date is None:
            yield f"the day on which the {role.value} approved is not there"
        elif date.fromisoformat(approval.date) > today:
            yield f"the {role.value} approves it on {approval.date}, which is yet to come"
    if len(names) == len(Role) and same_person(*names):
        yield "both approvals are of the same person"


def _lacking_version(amendment: Amendment, version: str, constitution: Constitution | None) -> Iterator[str]:
    reached = {change.version for change in constitution.changes} | {constitution.version} if constitution else set()
    if version not in reached:
        now = f"is at version {constitution.version or 'unknown'}" if constitution else "is not there"
        yield f"the constitution {now}, and was not observed at {version}"
    if not amendment.in_changelog:
        yield f"no line of the changelog names the constitution and version {version}"


def _approval(amendment: Amendment, role: Role) -> Approval | None:
    return next((approval for approval in amendment.approvals if approval.role is role), None)
