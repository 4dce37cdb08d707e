"""Workflows of GitHub Actions: when they run, what their jobs may do and use, and which tools they run.

Facts only: no text of a script, no value of a variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.repository.checks import CheckRun, Holds
from platformkit_pipeline.model.result import Severity


class Pin(StrEnum):
    """How the version of an action is named."""

    SHA = "sha"
    """A full commit id, or the digest of an image: it cannot change."""
    TAG = "tag"
    BRANCH = "branch"
    LOCAL = "local"
    """Of the same commit."""
    NONE = "none"


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """An action or a reusable workflow that is used."""

    name: str
    """owner/name/path, ./path or docker://image."""
    reference: str
    pin: Pin
    line: int


@dataclass(frozen=True, slots=True, order=True)
class Trigger:
    """An event with its filters; None where there is no such filter."""

    event: str
    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    paths_ignore: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """A job, with what it runs."""

    id: str
    line: int
    name: str = ""
    """As shown, with its expressions left as they are; the id where it has none."""
    contexts: tuple[str, ...] = ()
    """Names under which it reports to a pull request, one per combination of its matrix."""
    contexts_known: bool = True
    """False where some name is known at run time only."""
    permissions: tuple[str, ...] | None = None
    """`scope: access`, or read-all, write-all; None where it does not say."""
    needs: tuple[str, ...] = ()
    condition: Holds = Holds.YES
    """Of its `if`; a job of which it does not hold is skipped and counts as passed."""
    always: bool = False
    """Its `if` lets it run when a job that it needs failed."""
    judges_needs: bool = False
    """It looks at the results of the jobs that it needs."""
    continue_on_error: Holds = Holds.NO
    uses: tuple[Use, ...] = ()
    calls: str = ""
    """The reusable workflow that the job consists of."""
    opaque: bool = False
    """What it calls lies in another repository, or could not be read: what it runs is not known."""
    checks: tuple[CheckRun, ...] = ()
    unclear: tuple[str, ...] = ()
    """Commands that could not be followed, each with the reason."""


@dataclass(frozen=True, slots=True, order=True)
class WorkflowFault:
    """Why GitHub would not run a workflow. `line` is 0 where there is none to name."""

    where: str
    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Workflow:
    """A file of `.github/workflows`."""

    path: str
    name: str = ""
    triggers: tuple[Trigger, ...] = ()
    permissions: tuple[str, ...] | None = None
    jobs: tuple[WorkflowJob, ...] = ()
    faults: tuple[WorkflowFault, ...] = ()
    unreadable: str = ""
    """Why its content could not be looked at, as the rest of a sentence about it."""
    unaudited: str = ""
    """Why its security was not looked at, though that of others was."""

    def job(self, identifier: str) -> WorkflowJob | None:
        return next((job for job in self.jobs if job.id == identifier), None)


@dataclass(frozen=True, slots=True, order=True)
class WorkflowWeakness:
    """What zizmor finds in a workflow or an action."""

    path: str
    audit: str
    """zizmor's name for what it looked for."""
    where: str
    """Way to the place in the document: jobs/lint/steps/0."""
    number: int
    """Tells several of one audit at one place apart, beginning with 1."""
    severity: Severity
    confidence: str
    line: int
    message: str
    """zizmor's description of the audit."""
    note: str
    """Its remark about the place."""
    url: str
