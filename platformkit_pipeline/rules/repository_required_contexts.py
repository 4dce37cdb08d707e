"""Whether a check run has to pass before a merge: itself, or through a job that sums up others."""

from __future__ import annotations

from platformkit_pipeline.model.repository.github_protection import RequiredContext
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.workflows import Workflow, WorkflowJob
from platformkit_pipeline.rules.repository_gates import ACTIONS_APP, Gate


def keeps_out(snapshot: RepositorySnapshot, gate: Gate) -> bool:
    """Whether a change is kept out while the run fails."""
    if snapshot.github is None:
        return False
    protection = snapshot.github.protection
    if gate.workflow and gate.workflow in protection.required_workflows:
        return True
    required = protection.required_contexts
    if _named(required, gate.contexts, by_actions=bool(gate.workflow)):
        return True
    workflow = next((w for w in snapshot.workflows if w.path == gate.workflow), None)
    if workflow is None:
        return False
    return any(_sums_up(workflow, job, gate.job) and _named(required, job.contexts, by_actions=True) for job in workflow.jobs)


def _named(required: tuple[RequiredContext, ...], contexts: tuple[str, ...], *, by_actions: bool) -> bool:
    """A check that another App has to report is none that a workflow can pass or fail."""
    return any(c.context in contexts and (not by_actions or c.integration in (None, ACTIONS_APP)) for c in required)


def _sums_up(workflow: Workflow, job: WorkflowJob, other: str) -> bool:
    """Whether a job fails when the other one does. One that merely needs it is skipped then, which counts as passed."""
    if not (job.always and job.judges_needs):
        return False
    return any(other == needed or other.startswith(f"{needed}/") for needed in job.needs)
