"""Jobs of workflows: the names of their checks, what they use, and the tools that their steps run.

A job that calls a workflow of the same tree brings the jobs of that workflow, named caller/called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from platformkit_pipeline.introspection.repository.check_tools import recognised_action
from platformkit_pipeline.introspection.repository.command_trail import CommandTrail, Traced
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.shell_commands import Shell
from platformkit_pipeline.introspection.repository.task_files import joined
from platformkit_pipeline.introspection.repository.workflow_conditions import both, condition_holds, runs_always
from platformkit_pipeline.introspection.repository.workflow_matrix import Matrix, contexts_of, filled, matrix_of
from platformkit_pipeline.introspection.repository.workflow_values import named_list, permissions_of, use_of
from platformkit_pipeline.introspection.repository.workflow_yaml import Document, YamlRefused, read_document
from platformkit_pipeline.model.repository.checks import CheckRun, Holds
from platformkit_pipeline.model.repository.workflows import Use, WorkflowJob

MAX_JOBS = 500
"""Of one workflow, with those of the workflows that it calls."""
_MAX_CALLS = 4
_MAX_STEPS = 1_000
_MAX_SCRIPTS = 20
"""Combinations of a matrix for which a step's script is followed."""
_JUDGES = ("re-actors/alls-green",)


@dataclass(slots=True)
class _Found:
    """What the steps of a job bring."""

    uses: list[Use] = field(default_factory=list)
    checks: list[CheckRun] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    judges_needs: bool = False

    def add(self, traced: Traced, line: int, tolerated: str, condition: Holds) -> None:
        for check in traced.checks:
            known = replace(check, line=line, tolerated=check.tolerated or tolerated, condition=both(check.condition, condition))
            if known not in self.checks:
                self.checks.append(known)
        self.unclear += [reason for reason in traced.unclear if reason not in self.unclear]


class JobReader:
    """Reads the jobs of a tree's workflows. `documents` are those that could be read, by path."""

    def __init__(self, files: Files, trail: CommandTrail, default_branch: str, documents: Mapping[str, Document]) -> None:
        self._files, self._trail, self._branch, self._documents = files, trail, default_branch, documents

    def jobs(self, path: str, event: str) -> tuple[WorkflowJob, ...]:
        """The jobs of a workflow as it runs on an event."""
        return tuple(self._jobs(path, event, (path,)))[:MAX_JOBS]

    def _jobs(self, path: str, event: str, callers: tuple[str, ...]) -> list[WorkflowJob]:
        document = self._documents[path]
        jobs = document.value.get("jobs")
        found: list[WorkflowJob] = []
        for identifier, job in jobs.items() if isinstance(jobs, dict) else ():
            if isinstance(job, dict) and len(found) < MAX_JOBS:
                read = self._job(document, identifier[:100], job, event)
                called = self._called(read, event, callers) if read.calls else None
                found += (
                    [replace(read, contexts_known=read.contexts_known and not read.calls)]
                    if called is None
                    else [replace(read, contexts=(), opaque=False), *called]
                )
        return found

    def _called(self, caller: WorkflowJob, event: str, callers: tuple[str, ...]) -> list[WorkflowJob] | None:
        """The jobs of the workflow that a job calls; None when they cannot be known."""
        path = caller.calls.removeprefix("./")
        if not caller.calls.startswith("./") or path not in self._documents or path in callers or len(callers) >= _MAX_CALLS:
            return None
        return [
            replace(
                job,
                id=f"{caller.id}/{job.id}",
                line=caller.line,
                contexts=tuple(f"{outer} / {inner}" for outer in caller.contexts for inner in job.contexts),
                contexts_known=caller.contexts_known and job.contexts_known,
                needs=(caller.id, *(f"{caller.id}/{need}" for need in job.needs)),
                checks=tuple(replace(check, line=caller.line, through=(caller.calls, *check.through)) for check in job.checks),
            )
            for job in self._jobs(path, event, (*callers, path))
        ]

    def _job(self, document: Document, identifier: str, job: Mapping[str, Any], event: str) -> WorkflowJob:
        matrix = matrix_of(job)
        contexts, known = contexts_of(identifier, job.get("name"), matrix)
        line = document.line("jobs", identifier)
        condition = job.get("if")
        made = WorkflowJob(
            id=identifier,
            line=line,
            name=str(job["name"])[:200] if isinstance(job.get("name"), str) else identifier,
            contexts=tuple(context[:200] for context in contexts),
            contexts_known=known,
            permissions=permissions_of(job.get("permissions")),
            needs=named_list(job.get("needs")) or (),
            condition=condition_holds(condition, event, self._branch),
            always=runs_always(condition),
            continue_on_error=Holds.NO
            if job.get("continue-on-error") is None
            else condition_holds(job["continue-on-error"], event, self._branch),
        )
        if "uses" in job:
            return self._calling(made, job, line)
        found = _Found(judges_needs="needs." in str(condition or ""))
        shell, folder = _defaults(document.value, job)
        steps = job.get("steps")
        for number, step in enumerate(steps[:_MAX_STEPS] if isinstance(steps, list) else ()):
            if isinstance(step, dict):
                at = document.line("jobs", identifier, "steps", number)
                self._step(found, step, _Step(at, event, shell, folder, matrix), 0)
        return replace(
            made, uses=tuple(found.uses), checks=tuple(found.checks), unclear=tuple(found.unclear[:20]), judges_needs=found.judges_needs
        )

    def _calling(self, made: WorkflowJob, job: Mapping[str, Any], line: int) -> WorkflowJob:
        use = use_of(job["uses"], line)
        if use is None:
            return made
        found = _Found(uses=[use])
        found.add(Traced(tuple(CheckRun(r.category, r.tool, 0) for r in recognised_action(use.name))), line, "", Holds.YES)
        return replace(made, uses=(use,), calls=use.name, opaque=True, checks=tuple(found.checks))

    def _step(self, found: _Found, step: Mapping[str, Any], at: _Step, depth: int) -> None:
        condition = condition_holds(step.get("if"), at.event, self._branch)
        holds = Holds.NO if step.get("continue-on-error") is None else condition_holds(step["continue-on-error"], at.event, self._branch)
        tolerated = {Holds.NO: "", Holds.YES: "has `continue-on-error`", Holds.UNDECIDED: "may have `continue-on-error`"}[holds]
        if "needs." in str(step.get("run", "")) or "needs" in str(step.get("env", "")) or "needs" in str(step.get("with", "")):
            found.judges_needs = True
        if isinstance(step.get("run"), str):
            shell, interpreted = _shell(step.get("shell") or at.interpreter)
            folder = step.get("working-directory")
            place = joined(at.folder, folder) if isinstance(folder, str) and "$" not in folder else at.folder
            scripts = {filled(step["run"], combination)[0] for combination in at.matrix.combinations[:_MAX_SCRIPTS]} if interpreted else ()
            for script in sorted(scripts):
                found.add(self._trail.script(script, place, shell), at.line, tolerated, condition)
        use = use_of(step.get("uses"), at.line)
        if use is not None:
            found.uses.append(use)
            found.judges_needs = found.judges_needs or use.name in _JUDGES
            if use.name.startswith("./"):
                self._local_action(found, use, replace(at, condition=condition, tolerated=tolerated), depth)
            else:
                given = step.get("with")
                extra = str(given.get("extra_args", "")) if isinstance(given, dict) else ""
                found.add(self._trail.action(use.name, extra), at.line, tolerated, condition)

    def _local_action(self, found: _Found, use: Use, at: _Step, depth: int) -> None:
        folder = joined("", use.name)
        path = next((p for p in (joined(folder, "action.yml"), joined(folder, "action.yaml")) if p in self._files), None)
        if path is None or depth >= _MAX_CALLS:
            found.unclear.append(f"{use.name} holds no action that can be followed")
            return
        try:
            runs = read_document(self._files.text(path)).value.get("runs")
        except (UnreadableError, YamlRefused) as error:
            found.unclear.append(f"{path} {error}")
            return
        steps = runs.get("steps") if isinstance(runs, dict) else None
        inner = _Found()
        for step in steps[:_MAX_STEPS] if isinstance(steps, list) else ():
            if isinstance(step, dict):
                self._step(inner, step, replace(at, folder="", interpreter="bash"), depth + 1)
        inner.checks = [replace(check, through=(use.name, *check.through)) for check in inner.checks]
        found.add(Traced(tuple(inner.checks), tuple(inner.unclear)), at.line, at.tolerated, at.condition)


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a step stands."""

    line: int
    event: str
    interpreter: str
    folder: str
    matrix: Matrix
    condition: Holds = Holds.YES
    tolerated: str = ""


def _defaults(workflow: Mapping[str, Any], job: Mapping[str, Any]) -> tuple[str, str]:
    """The shell and the folder of steps that do not say."""
    shell, folder = "", ""
    for part in (workflow, job):
        defaults = part.get("defaults")
        run = defaults.get("run") if isinstance(defaults, dict) else None
        if isinstance(run, dict):
            shell = run["shell"] if isinstance(run.get("shell"), str) else shell
            folder = run["working-directory"] if isinstance(run.get("working-directory"), str) else folder
    return shell, "" if "$" in folder else joined("", folder)


def _shell(name: Any) -> tuple[Shell, bool]:
    """How GitHub starts that shell, and whether its scripts are made of commands."""
    text = str(name or "").strip()
    if text == "bash":
        return Shell(exit_on_error=True, pipefail=True), True
    if text in ("", "sh", "pwsh", "powershell", "cmd"):
        return Shell(exit_on_error=True), True
    if "{0}" in text and text.split()[0] in ("bash", "sh", "zsh"):
        flags = "".join(word for word in text.split()[1:] if word.startswith("-") and not word.startswith("--"))
        return Shell(exit_on_error="e" in flags, pipefail="pipefail" in text), True
    return Shell(), False
