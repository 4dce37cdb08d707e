"""A constitution changes by amendments that are approved, and that say what becomes of existing projects (clause 13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.governance import Amendment, Constitution, ConstitutionChange, last_day_of
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository.exceptions import missing_approvals
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

REACH = timedelta(days=90)
"""An amendment may be so much older than the commit that carries it out."""
_NAMED = 10

_CONSTITUTION = """
=== file spec/shop/constitution.md
# Constitution of the shop

**Version:** 1.1.0

## Orders
An order belongs to one tenant, and only that tenant may read it. No service reads orders of several tenants in one query.

## Money
Amounts are whole cents. A payment that was booked is never changed: a correction is another payment that refers to it.

## Returns
A return is booked within a day, by somebody else than who accepted it.
"""
_AMENDMENT = """
=== file spec/shop/constitution-amendments/2026-01-10-returns.md
# Returns are booked by two people

- Constitution version: 1.0.0 → 1.1.0
- Approved by: Platform Architect Kim Larsen, 2026-01-11; Security Owner Sam Ortiz, 2026-01-12

## What changes
A clause on returns is new.

## Migration of existing projects
The shop assigns a second clerk to each return; its owner does so in the next release.
"""


@repository_rule(
    "AMD001",
    "constitution-changed-without-amendment",
    clause="13",
    severity=Severity.HIGH,
    family=Family.AMENDMENTS,
    title="A constitution says something else than before, and no amendment says why",
    why="Rules that cannot be violated are worth as much as the way in which they change. "
    "Judged is what each version says at its end beside what it said at first, and beside the version before; its number, dates, version "
    "history, and tables of what enforces it by now (a column *State*, *Status* or *Today*) do not count. Changes need an amendment that "
    "names the version they led to or, where it names none, one of the 90 days before.",
    how_to_fix="Write `spec/<project>/constitution-amendments/<yyyy-mm-dd>-<summary>.md`, which names the new version of the constitution.",
    requires=(RepositoryFacet.AMENDMENTS,),
    violating=_CONSTITUTION,
    clean=_CONSTITUTION + _AMENDMENT,
)
def constitution_changed_without_amendment(subject: RepositorySubject) -> Verdicts:
    snapshot = subject.snapshot
    for constitution in snapshot.constitutions:
        if constitution.fault:
            yield unknown(file_identity(constitution.path), f"{constitution.path} {constitution.fault}")
            continue
        amendments = [a for a in snapshot.amendments if a.project == constitution.project]
        uncovered = [(v, changes) for v, changes in _versions(constitution) if not _is_covered(v, changes, amendments)]
        yield from (_unamended(constitution, version, changes) for version, changes in uncovered)
        reason = constitution.truncated or snapshot.why_unobserved(RepositoryFacet.HISTORY)
        if reason:
            yield unknown(file_identity(constitution.path), f"earlier changes of {constitution.path} are not known: {reason}")
        elif not uncovered:
            yield PASSED


def _versions(constitution: Constitution) -> Iterator[tuple[str | None, list[ConstitutionChange]]]:
    """Each version with the changes that led to it, and last (None) what was changed since."""
    waiting: list[ConstitutionChange] = []
    for change in reversed(constitution.changes):
        waiting.append(change)
        if change.raised:
            yield change.version, waiting
            waiting = []
    if waiting:
        yield None, waiting


def _is_covered(version: str | None, changes: Sequence[ConstitutionChange], amendments: Sequence[Amendment]) -> bool:
    if version is not None and any(amendment.version == version for amendment in amendments):
        return True
    without_version = [amendment for amendment in amendments if version is None or amendment.version is None]
    return all(any(_is_within_reach(amendment, change) for amendment in without_version) for change in changes)


def _is_within_reach(amendment: Amendment, change: ConstitutionChange) -> bool:
    if amendment.date is None:
        return False
    # a day later, for people east of Greenwich write the date of tomorrow
    return -timedelta(days=1) <= date.fromisoformat(change.date) - date.fromisoformat(amendment.date) <= REACH


def _unamended(constitution: Constitution, version: str | None, changes: Sequence[ConstitutionChange]) -> Verdict:
    last = changes[-1]
    if version is not None:
        return failed(
            file_identity(constitution.path, version=version),
            f"{constitution.path} became version {version} on {last.date}, and no amendment leads to that version",
            commits=[change.commit for change in changes[:_NAMED]],
        )
    return failed(
        file_identity(constitution.path, version="none yet"),
        f"{constitution.path} was changed on {last.date} without another version, and there is no amendment of the 90 days before",
        commits=[change.commit for change in changes[:_NAMED]],
    )


@repository_rule(
    "AMD002",
    "amendment-without-migration-plan",
    clause="13",
    severity=Severity.MEDIUM,
    family=Family.AMENDMENTS,
    title="An amendment does not say what becomes of existing projects",
    why="A new rule makes violations of what was right the day before. Without a plan for them, they stay.",
    how_to_fix="Add a section *Migration*: which projects violate the new wording, what is proposed for them, and who does it.",
    requires=(RepositoryFacet.AMENDMENTS,),
    violating=_CONSTITUTION
    + _AMENDMENT.replace("The shop assigns a second clerk to each return; its owner does so in the next release.", "TBD"),
    clean=_CONSTITUTION + _AMENDMENT,
)
def amendment_without_migration_plan(subject: RepositorySubject) -> Verdicts:
    for amendment in subject.snapshot.amendments:
        if amendment.fault:
            yield unknown(file_identity(amendment.path), f"{amendment.path} {amendment.fault}")
        elif not amendment.migration_plan:
            yield failed(file_identity(amendment.path), f"{amendment.path} has no plan for the migration of existing projects")
        else:
            yield PASSED


@repository_rule(
    "AMD003",
    "migration-deadline-passed",
    clause="13",
    severity=Severity.HIGH,
    family=Family.AMENDMENTS,
    title="The migration that an amendment asks for is overdue",
    why="Existing projects have 90 days from the approval on. After that, the constitution says one thing and the projects do another.",
    how_to_fix="Finish the migration and say so in the amendment: `Migration status: done`, or a tick in every box of its plan.",
    requires=(RepositoryFacet.AMENDMENTS,),
    violating=f"{_CONSTITUTION}{_AMENDMENT}=== today 2026-04-13",
    clean=f"{_CONSTITUTION}{_AMENDMENT}=== today 2026-04-12",
)
def migration_deadline_passed(subject: RepositorySubject) -> Verdicts:
    for amendment in subject.snapshot.amendments:
        identity = file_identity(amendment.path)
        if amendment.fault:
            yield unknown(identity, f"{amendment.path} {amendment.fault}")
            continue
        deadline = last_day_of(amendment)
        if amendment.migration_done or (deadline is not None and subject.today <= deadline):
            yield PASSED
        elif deadline is None:
            yield unknown(identity, f"{amendment.path} has neither an approval with a day nor a day in its name, so no deadline is known")
        else:
            yield failed(identity, f"the migration of {amendment.path} was due on {deadline}", deadline=deadline.isoformat())


@repository_rule(
    "AMD004",
    "amendment-not-approved",
    clause="13",
    severity=Severity.HIGH,
    family=Family.AMENDMENTS,
    title="An amendment lacks an approval",
    why="What binds every project is not for one person to change: the Platform Architect and the Security Owner have to agree, on record.",
    how_to_fix="Name both, each with the day: `Approved by: Platform Architect <name>, <day>; Security Owner <name>, <day>`."
    " The file is called `<yyyy-mm-dd>-<summary>.md`.",
    requires=(RepositoryFacet.AMENDMENTS,),
    violating=_CONSTITUTION + _AMENDMENT.replace("Kim Larsen, 2026-01-11", "<name, date>"),
    clean=_CONSTITUTION + _AMENDMENT,
)
def amendment_not_approved(subject: RepositorySubject) -> Verdicts:
    for amendment in subject.snapshot.amendments:
        identity = file_identity(amendment.path)
        if amendment.fault:
            yield unknown(identity, f"{amendment.path} {amendment.fault}")
        elif missing := list(_missing(amendment)):
            yield failed(identity, f"{amendment.path} lacks {' and '.join(missing)}", missing=missing)
        else:
            yield PASSED


def _missing(amendment: Amendment) -> Iterator[str]:
    if amendment.date is None:
        yield "a name of the form <yyyy-mm-dd>-<summary>.md"
    yield from missing_approvals(amendment.approvals)
