"""Exceptions from the constitution are documented, approved, in force and on record (clause 10.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platformkit_pipeline.model.person import same_person
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.governance import NOTHING_NAMED, Approval, ExceptionDocument, Role
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

_PATH = "docs/exceptions/2026-01-20-legacy-export.md"
_DOCUMENT = """
=== file docs/exceptions/2026-01-20-legacy-export.md
# Legacy export without row level security

## Rationale
The export job of the warehouse cannot set a tenant before June.

## Risk assessment
A fault in the job would show one tenant's orders to another one.

## Mitigation plan
The job runs with a role of its own that may read one view, and its output is compared nightly.

## Expiry date
2026-06-30

## Approvals
- Security/Compliance Owner: Sam Ortiz, 2026-01-19
- Platform Architect: Kim Larsen, 2026-01-20
"""


@repository_rule(
    "EXC001",
    "exception-incomplete",
    clause="10.1",
    severity=Severity.HIGH,
    family=Family.EXCEPTIONS,
    title="A document of an exception leaves something open",
    why="An exception that does not say why, at what risk, until when, and who agreed is a violation with a file beside it.",
    how_to_fix="Name the file `docs/exceptions/<yyyy-mm-dd>-<summary>.md`, and fill in rationale, risk assessment, mitigation plan, "
    "expiry date and the approvals of the Security/Compliance Owner and the Platform Architect, two people, each with a name and a day. "
    "docs/repositories-documents.md has a form.",
    requires=(RepositoryFacet.EXCEPTIONS,),
    violating=_DOCUMENT.replace("Sam Ortiz, 2026-01-19", "<name, date>").replace(
        "A fault in the job would show one tenant's orders to another one.", "TBD"
    ),
    clean=_DOCUMENT,
)
def exception_incomplete(subject: RepositorySubject) -> Verdicts:
    for document in subject.snapshot.exceptions:
        identity = file_identity(document.path)
        if document.fault:
            yield unknown(identity, f"{document.path} {document.fault}")
            continue
        missing = list(_missing(document))
        if missing:
            yield failed(identity, f"{document.path} lacks {_listed(missing)}", missing=missing)
        else:
            yield PASSED


def _missing(document: ExceptionDocument) -> Iterator[str]:
    if document.date is None:
        yield "a name of the form <yyyy-mm-dd>-<summary>.md"
    if not document.rationale:
        yield "its rationale"
    if not document.risk:
        yield "a risk assessment"
    if not document.mitigation:
        yield "a mitigation plan"
    if document.expiry is None and not document.expiry_malformed:
        yield "an expiry date"
    if NOTHING_NAMED in document.objects:
        yield "names in its part Objects"
    if NOTHING_NAMED in document.targets:
        yield "names in its part Targets"
    yield from missing_approvals(document.approvals)


def missing_approvals(approvals: Sequence[Approval]) -> Iterator[str]:
    """What of the approvals of both roles is not there, in words."""
    for role in Role:
        approval = next((a for a in approvals if a.role is role), None)
        if approval is None or approval.name is None:
            yield f"the approval of the {role.value}"
        elif approval.date is None:
            yield f"the day on which the {role.value} approved"
    names = [a.name for role in Role for a in approvals if a.role is role and a.name is not None]
    if len(names) == len(Role) and same_person(*names):
        yield "a second person: one gave both approvals"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


@repository_rule(
    "EXC002",
    "exception-expired",
    clause="10.1",
    severity=Severity.HIGH,
    family=Family.EXCEPTIONS,
    title="An exception has expired",
    why="What was tolerated until a day is a violation from the next one on. A date that cannot be read is no date, so it has passed.",
    how_to_fix="Mend what the exception is about and delete its document, or have it reviewed and approved anew with another expiry date.",
    requires=(RepositoryFacet.EXCEPTIONS,),
    violating=_DOCUMENT.replace("2026-06-30", "2026-01-31"),
    clean=_DOCUMENT.replace("2026-06-30", "2026-02-01"),
)
def exception_expired(subject: RepositorySubject) -> Verdicts:
    for document in subject.snapshot.exceptions:
        identity = file_identity(document.path)
        if document.fault:
            yield unknown(identity, f"{document.path} {document.fault}")
        elif document.expiry_malformed:
            yield failed(identity, f"{document.path} has an expiry date that is no day of the form yyyy-mm-dd, and so counts as expired")
        elif document.expiry is not None and document.expiry < subject.today.isoformat():
            yield failed(identity, f"{document.path} held until {document.expiry}", expiry=document.expiry)
        elif document.expiry is not None:
            yield PASSED


@repository_rule(
    "EXC003",
    "exception-not-recorded",
    clause="10.1",
    severity=Severity.MEDIUM,
    family=Family.EXCEPTIONS,
    title="An exception is not in the control plane",
    why="What is not in `ops.exceptions` has no audit trail: nobody is reminded of it, and no report counts it.",
    how_to_fix="`platformkit exceptions sync` records what the last scan saw, and so does every night; the audit log says when.",
    requires=(RepositoryFacet.EXCEPTIONS,),
    source=Source.CONTROL_PLANE,
    violating=f"{_DOCUMENT}=== recorded",
    clean=f"{_DOCUMENT}=== recorded {_PATH}",
)
def exception_not_recorded(subject: RepositorySubject) -> Verdicts:
    for document in subject.snapshot.exceptions:
        identity = file_identity(document.path)
        if subject.recorded_exceptions is None:
            yield unknown(identity, "no control plane was asked, and only `ops.exceptions` tells whether it is recorded")
        elif document.path not in subject.recorded_exceptions:
            yield failed(identity, f"{document.path} is not in ops.exceptions")
        else:
            yield PASSED
