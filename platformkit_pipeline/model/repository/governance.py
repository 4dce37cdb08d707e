"""Documents by which people decide: exceptions (clause 10.1), and amendments of a constitution (clause 13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

EXCEPTIONS_FOLDER = "docs/exceptions"
MIGRATION = timedelta(days=90)
"""Of clause 13: what existing projects have, from the approval on."""


class Role(StrEnum):
    """Whose approval is asked for."""

    SECURITY_OWNER = "Security/Compliance Owner"
    PLATFORM_ARCHITECT = "Platform Architect"


@dataclass(frozen=True, slots=True, order=True)
class Approval:
    """`name` and `date` (ISO) are None where nobody filled them in."""

    role: Role
    name: str | None = None
    date: str | None = None


NOTHING_NAMED = ""
"""Stands for the names of a part that is there and names nothing: it is about no object, unlike a document without the part."""


@dataclass(frozen=True, slots=True, order=True)
class ExceptionDocument:
    """A file of `docs/exceptions/`. A part is True where it is there and filled in."""

    path: str
    date: str | None = None
    """Of the file's name (ISO); None where the name has another form than `<date>-<summary>.md`."""
    title: str = ""
    rationale: bool = False
    risk: bool = False
    mitigation: bool = False
    expiry: str | None = None
    """The last day on which it holds (ISO)."""
    expiry_malformed: bool = False
    """Something else than a day stands there."""
    approvals: tuple[Approval, ...] = ()
    rules: tuple[str, ...] = ()
    """Codes of rules that it names, and `parity/<dimension>`."""
    objects: tuple[str, ...] = ()
    """Patterns of objects that it names; one that could hold a secret is `[…]`, which matches nothing.

    Just `NOTHING_NAMED` where the part is there and blank; the same of `targets`.
    """
    fault: str | None = None
    """Why it cannot be read, as the rest of a sentence about it."""
    rationale_text: str = ""
    """What stands there, on one line and shortened; so are the risk and the mitigation. Empty where nothing does."""
    risk_text: str = ""
    mitigation_text: str = ""
    targets: tuple[str, ...] = ()
    """Names of the targets that it is for, where it says so."""
    digest: str | None = None
    """SHA-256 of its words, whatever the white space between them; None where it cannot be read."""


@dataclass(frozen=True, slots=True, order=True)
class ConstitutionChange:
    """A commit that changed what a constitution says, after the first version. `version` is the one it carries since."""

    commit: str
    date: str
    """UTC day of the commit (ISO)."""
    version: str | None
    raised: bool
    """The version is another one than before."""


@dataclass(frozen=True, slots=True, order=True)
class Constitution:
    """`spec/<project>/constitution.md` and its history as far as the clone has it."""

    project: str
    path: str
    version: str | None = None
    changes: tuple[ConstitutionChange, ...] = ()
    """Latest first."""
    truncated: str | None = None
    """Why earlier changes are not known, where that is so."""
    fault: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Amendment:
    """A file of `spec/<project>/constitution-amendments/`."""

    project: str
    path: str
    date: str | None = None
    """Of the file's name (ISO); None where the name has another form than `<date>-<summary>.md`."""
    title: str = ""
    version: str | None = None
    """The version of the constitution that it leads to."""
    migration_plan: bool = False
    migration_done: bool = False
    deadline: str | None = None
    """As it says itself (ISO)."""
    approvals: tuple[Approval, ...] = ()
    rules: tuple[str, ...] = ()
    """Codes of rules that it names: whether a target follows it is what they say."""
    in_changelog: bool = False
    """A line of the repository's changelog names the constitution and this version."""
    fault: str | None = None


def last_day_of(amendment: Amendment) -> date | None:
    """For existing projects: 90 days from the later approval, or from the day in the name; earlier where it says so (clause 13).

    None where it has neither.
    """
    approved = [date.fromisoformat(approval.date) for approval in amendment.approvals if approval.date]
    days = approved or ([date.fromisoformat(amendment.date)] if amendment.date else [])
    ends = [min(max(days), date.max - MIGRATION) + MIGRATION] if days else []  # the calendar ends with the year 9999
    if amendment.deadline:
        ends.append(date.fromisoformat(amendment.deadline))
    return min(ends, default=None)
