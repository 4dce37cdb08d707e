"""Which check runs really keep a change out of the default branch, and why the others do not.

A run counts when its workflow starts for pull requests to the default branch, its job is neither skipped nor allowed to fail,
and its own failure fails the job.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from platformkit_pipeline.model.repository.checks import CheckCategory, CheckRun, Holds
from platformkit_pipeline.model.repository.filter_patterns import Undecidable, lets_in
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.workflows import Trigger, Workflow, WorkflowJob

ACTIONS_APP = 15368
"""Number of the App under which GitHub Actions reports on github.com."""
_USUAL_BRANCHES = ("main", "master", "trunk", "develop")
_EVENTS = ("pull_request", "merge_group")
_TYPES = ("opened", "synchronize")
_SEES_THE_CHANGE = ("actions/dependency-review-action",)
"""What asks GitHub about the change and so needs no checkout of it."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One run of a check. `why_not`: why it keeps nothing out; `doubt`: why that cannot be told."""

    check: CheckRun
    workflow: str
    """Path of the file; empty for a command that the owners declare."""
    job: str
    contexts: tuple[str, ...] = ()
    contexts_known: bool = True
    why_not: str = ""
    doubt: str = ""
    filters: tuple[Trigger, ...] = ()
    """Filters on paths, of which one has to let a change in; empty where all changes are checked."""

    @property
    def counts(self) -> bool:
        return not self.why_not and not self.doubt

    @property
    def named(self) -> str:
        """The run in the words of a message."""
        way = f" through {' → '.join(self.check.through)}" if self.check.through else ""
        place = f"the job {self.job} of {self.workflow}" if self.workflow else f"the declared command {self.job}"
        return f"{self.check.tool}{way} in {place}"

    @property
    def evidence(self) -> dict[str, object]:
        return {"workflow": self.workflow, "job": self.job, "tool": self.check.tool, "line": self.check.line}


@dataclass(frozen=True, slots=True)
class Gates:
    """All check runs of a repository, and what of its checks cannot be seen."""

    runs: tuple[Gate, ...] = ()
    hidden: tuple[str, ...] = field(default=())
    """Workflows and jobs that may check more than can be seen, each with the reason."""

    def of(self, category: CheckCategory) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.runs if gate.check.category is category)


def gates_of(snapshot: RepositorySnapshot) -> Gates:
    """Every check run of the workflows and the declared commands."""
    branches = default_branches(snapshot)
    runs: list[Gate] = []
    hidden: list[str] = []
    for workflow in snapshot.workflows:
        if workflow.unreadable:
            hidden.append(f"{workflow.path} {workflow.unreadable}")
        start = _start(workflow, branches)
        for job in workflow.jobs:
            stopped, doubt = _job_stops(workflow, job)
            if not (start.why_not or stopped):
                if job.opaque:
                    hidden.append(f"{workflow.path}: the job {job.id} calls {job.calls}, which is not in this repository")
                hidden += [f"{workflow.path}: {reason}" for reason in job.unclear]
            for check in job.checks:
                runs.append(_gate(check, workflow, job, start, stopped, doubt))
    for command in snapshot.declared_commands:
        hidden += [f".platformkit.yaml: {reason}" for reason in command.unclear]
        contexts = (command.context,) if command.context else ()
        for check in command.checks:
            doubt = "it stands in a branch of a script" if check.condition is Holds.UNDECIDED else ""
            runs.append(Gate(check, "", command.command, contexts, why_not=_tolerated(check), doubt=doubt))
    return Gates(tuple(runs), tuple(dict.fromkeys(hidden)))


def default_branches(snapshot: RepositorySnapshot) -> tuple[str, ...]:
    """The default branch as GitHub tells it, else all that it may be."""
    if snapshot.github is not None:
        return (snapshot.github.default_branch,)
    own = (snapshot.head.branch,) if snapshot.head.branch else ()
    return tuple(dict.fromkeys((*own, *_USUAL_BRANCHES)))


@dataclass(frozen=True, slots=True)
class _Start:
    """When a workflow starts for a change."""

    why_not: str = ""
    doubt: str = ""
    filters: tuple[Trigger, ...] = ()
    on_target: bool = False
    """It runs on pull_request_target only, which checks out what is there already."""


def _start(workflow: Workflow, branches: tuple[str, ...]) -> _Start:
    if workflow.faults:
        return _Start("GitHub does not run the workflow, because it is invalid")
    named = [trigger for trigger in workflow.triggers if trigger.event in _EVENTS]
    on_target = not named
    named = named or [trigger for trigger in workflow.triggers if trigger.event == "pull_request_target"]
    if not named:
        return _Start("the workflow does not run on pull requests")
    fitting, doubt, why_not = [], "", ""
    for trigger in named:
        if trigger.types is not None and trigger.event != "merge_group" and not set(_TYPES) <= set(trigger.types):
            why_not = "the workflow does not run when a pull request is opened and when it is pushed to"
            continue
        try:
            reached = any(_branch_passes(trigger, branch) for branch in branches)
        except Undecidable:
            doubt = "its filter of branches cannot be decided"
            continue
        if reached:
            fitting.append(trigger)
        else:
            why_not = "the workflow does not run on pull requests to the default branch"
    if not fitting:
        return _Start("" if doubt else why_not, doubt)
    unfiltered = any(trigger.paths is None and trigger.paths_ignore is None for trigger in fitting)
    return _Start(filters=() if unfiltered else tuple(fitting), on_target=on_target)


def _branch_passes(trigger: Trigger, branch: str) -> bool:
    if trigger.branches is not None:
        return lets_in(trigger.branches, branch)
    return trigger.branches_ignore is None or not lets_in(trigger.branches_ignore, branch)


def path_passes(trigger: Trigger, path: str) -> bool:
    """Whether a change of that file starts the workflow. Raises Undecidable."""
    if trigger.paths is not None:
        return lets_in(trigger.paths, path)
    return trigger.paths_ignore is None or not lets_in(trigger.paths_ignore, path)


def _gate(check: CheckRun, workflow: Workflow, job: WorkflowJob, start: _Start, stopped: str, doubt: str) -> Gate:
    why_not = start.why_not or stopped or _tolerated(check)
    if not why_not and start.on_target and check.tool not in _SEES_THE_CHANGE:
        why_not = "it runs on pull_request_target, which checks out the target and not the change"
    if check.condition is Holds.UNDECIDED:
        doubt = doubt or "whether its step runs is known at run time only"
    return Gate(check, workflow.path, job.id, job.contexts, job.contexts_known, why_not, doubt or start.doubt, start.filters)


def _tolerated(check: CheckRun) -> str:
    if check.condition is Holds.NO:
        return "the condition of its step does not hold for pull requests"
    return f"its failure does not count, because it {check.tolerated}" if check.tolerated else ""


def _job_stops(workflow: Workflow, job: WorkflowJob) -> tuple[str, str]:
    """Why the job keeps nothing out, and why that cannot be told."""
    if job.continue_on_error is Holds.YES:
        return "the job has `continue-on-error`", ""
    doubt = "the job may have `continue-on-error`" if job.continue_on_error is Holds.UNDECIDED else ""
    for each in _with_needed(workflow, job):
        if each.condition is Holds.NO:
            who = "its" if each is job else f"it needs {each.id}, whose"
            return f"{who} `if` does not hold for pull requests", ""
        if each.condition is Holds.UNDECIDED:
            doubt = doubt or f"whether the `if` of {each.id} holds is known at run time only"
    return "", doubt


def _with_needed(workflow: Workflow, job: WorkflowJob) -> Iterator[WorkflowJob]:
    """The job, and those that have to run before it does."""
    seen: set[str] = set()
    pending = [job]
    while pending:
        current = pending.pop()
        if current.id in seen:
            continue
        seen.add(current.id)
        yield current
        if not current.always:
            pending += [needed for name in current.needs if (needed := workflow.job(name)) is not None]
