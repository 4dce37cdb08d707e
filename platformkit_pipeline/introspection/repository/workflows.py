"""Workflows of GitHub Actions, read from the committed tree: when they run, and which tools their jobs run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.introspection.repository.command_trail import CommandTrail
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.workflow_jobs import JobReader
from platformkit_pipeline.introspection.repository.workflow_schema import SchemaMissing, schema_faults
from platformkit_pipeline.introspection.repository.workflow_values import named_list, permissions_of
from platformkit_pipeline.introspection.repository.workflow_yaml import Document, YamlRefused, read_document
from platformkit_pipeline.model.repository.workflows import Trigger, Workflow, WorkflowFault, WorkflowJob

MAX_WORKFLOWS = 500
_PLACE = re.compile(r"\.github/workflows/[^/]+\.ya?ml\Z")


def workflow_paths(files: Files) -> tuple[str, ...]:
    """The files that GitHub takes for workflows: those directly in the folder."""
    return tuple(path for path in files.paths if _PLACE.match(path))[:MAX_WORKFLOWS]


def observe_workflows(files: Files, trail: CommandTrail, default_branch: str) -> tuple[Workflow, ...]:
    """All workflows, sorted by path. Raises SchemaMissing when the schema of workflows is not installed."""
    read: dict[str, Document] = {}
    found: dict[str, Workflow] = {}
    for path in workflow_paths(files):
        try:
            read[path] = read_document(files.text(path))
        except UnreadableError as error:
            is_text = "UTF-8" not in str(error)
            faults = () if is_text else (WorkflowFault("", str(error)),)
            found[path] = Workflow(path, faults=faults, unreadable=str(error) if is_text else "")
        except YamlRefused as error:
            found[path] = Workflow(path, unreadable=str(error))
    reader = JobReader(files, trail, default_branch, read)
    for path, document in read.items():
        found[path] = _workflow(path, document, reader)
    return tuple(found[path] for path in sorted(found))


def _workflow(path: str, document: Document, reader: JobReader) -> Workflow:
    faults = document.faults or tuple(schema_faults(document))
    value = document.value
    name = value.get("name")
    triggers = tuple(sorted(_triggers(value.get("on")), key=lambda t: t.event))
    jobs = reader.jobs(path, _event(triggers)) if not document.faults or value else ()
    return Workflow(
        path=path,
        name=name[:200] if isinstance(name, str) else "",
        triggers=triggers,
        permissions=permissions_of(value.get("permissions")),
        jobs=jobs,
        faults=(*faults, *(_needs_faults(jobs) if not faults else ())),
    )


def _event(triggers: tuple[Trigger, ...]) -> str:
    events = {trigger.event for trigger in triggers}
    return next((event for event in ("pull_request", "pull_request_target", "merge_group") if event in events), "pull_request")


def _triggers(value: Any) -> Iterator[Trigger]:
    if isinstance(value, str):
        yield Trigger(value)
    elif isinstance(value, list):
        yield from (Trigger(event) for event in value if isinstance(event, str))
    elif isinstance(value, dict):
        for event, given in value.items():
            filters = given if isinstance(given, dict) else {}
            yield Trigger(
                event,
                branches=named_list(filters.get("branches")),
                branches_ignore=named_list(filters.get("branches-ignore")),
                paths=named_list(filters.get("paths")),
                paths_ignore=named_list(filters.get("paths-ignore")),
                types=named_list(filters.get("types")),
            )


def _needs_faults(jobs: tuple[WorkflowJob, ...]) -> Iterator[WorkflowFault]:
    """Jobs that need one that is not there, or each other: GitHub refuses the whole workflow."""
    own = {job.id: job for job in jobs if "/" not in job.id}
    for job in own.values():
        for needed in job.needs:
            if needed not in own:
                yield WorkflowFault(f"jobs/{job.id}/needs", f"names {needed}, and there is no such job", job.line)
    waiting = {name: {need for need in job.needs if need in own} for name, job in own.items()}
    while ready := [name for name, needs in waiting.items() if not needs]:
        for name in ready:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(ready)
    for name in sorted(waiting)[:1]:
        yield WorkflowFault(f"jobs/{name}/needs", "waits for itself in the end", own[name].line)


__all__ = ["SchemaMissing", "observe_workflows", "workflow_paths"]
