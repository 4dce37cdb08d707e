"""Significant projects have a spec bundle that somebody wrote, and that moves with them (clause 3.1)."""

from __future__ import annotations

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.specs import SPEC_FILES, TASKS_FILE, SpecBundle, SpecFile
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_identity, repository_rule

MIN_WORDS = 30
"""Fewer words than these say nothing about a project."""
MIN_TASK_WORDS = 5
"""A list of tasks may be short; whether there are any is another rule's question."""
MAX_TEMPLATE_SHARE = 0.1
"""One open question among many lines is no template."""


@repository_rule(
    "SPC001",
    "spec-file-missing",
    clause="3.1",
    severity=Severity.HIGH,
    family=Family.SPEC_BUNDLES,
    title="A file of the spec bundle is missing",
    why="Constitution, requirements, plan and tasks say what a project must not do, what it is for, how it is built and how far it is. "
    "Judged is each folder of `spec/`, and each project that `.platformkit.yaml` declares under `spec: projects:`.",
    how_to_fix="Add `constitution.md`, `prd.md`, `plan.md` and `tasks.md` to `spec/<project>/`.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.SPEC_BUNDLES,),
    may_not_apply=True,
    violating="=== remove spec/shop/plan.md",
    clean="=== file spec/shop/notes.md\nA bundle may hold more than its four files.",
)
def spec_file_missing(subject: RepositorySubject) -> Verdicts:
    if not subject.snapshot.spec_bundles:
        yield failed(repository_identity("spec"), "there is no spec bundle: spec/ holds no folder of a project", missing=list(SPEC_FILES))
    for bundle in subject.snapshot.spec_bundles:
        present = {file.path for file in bundle.files}
        for name in SPEC_FILES:
            path = f"{bundle.folder}/{name}"
            if bundle.fault:
                yield unknown(file_identity(path), f"{bundle.folder} {bundle.fault}")
            elif path in present:
                yield PASSED
            else:
                yield failed(file_identity(path), f"{path} is missing")


@repository_rule(
    "SPC002",
    "spec-file-empty-or-template",
    clause="3.1",
    severity=Severity.HIGH,
    family=Family.SPEC_BUNDLES,
    title="A file of the spec bundle is empty, or still the template",
    why="A file that nobody wrote satisfies a check for its name and nobody else. "
    "Instructions in comments are no content; a placeholder in brackets, braces or capitals shows the template that was not filled in.",
    how_to_fix="Write what is true of this project, and delete what the template left: placeholders, examples, sections that do not apply.",
    patch=PatchKind.MANUAL,
    requires=(RepositoryFacet.SPEC_BUNDLES,),
    violating="""
=== file spec/shop/prd.md
# Requirements of [PROJECT_NAME]

<!-- Describe who the product is for, and what they can do with it, in a few sentences that everybody understands. -->

## Who it is for

[Describe the users in plain language]

## What they can do

TODO
""",
    clean="""
=== file spec/shop/prd.md
# Requirements

<!-- Describe who the product is for. -->

Shopkeepers who sell to their own customers, several of them on one installation, none of whom may see another one's orders.
They take orders, cancel them until they are shipped, and see what is open; what comes after is in [the plan](plan.md).
""",
)
def spec_file_empty_or_template(subject: RepositorySubject) -> Verdicts:
    for file in _files(subject):
        yield _judged(file)


def _judged(file: SpecFile) -> Verdict | None:
    identity = file_identity(file.path)
    if file.fault:
        return unknown(identity, f"{file.path} {file.fault}")
    evidence = {"words": file.words, "lines": file.lines, "template_lines": file.template_lines, "placeholders": file.placeholders}
    if file.first_template_line:
        evidence["line"] = file.first_template_line
    least = MIN_TASK_WORDS if file.path.endswith(f"/{TASKS_FILE}") else MIN_WORDS
    if file.placeholders:
        return failed(
            identity,
            f"{file.path} still has placeholders of a template: {file.placeholders}, the first in line {file.first_template_line}",
            **evidence,
        )
    if file.words < least:
        return failed(identity, f"{file.path} says next to nothing: {file.words} words, and {least} are the least", **evidence)
    if file.template_lines > MAX_TEMPLATE_SHARE * file.lines:
        return failed(
            identity, f"{file.path} is largely unwritten: {file.template_lines} of {file.lines} lines wait to be filled in", **evidence
        )
    return PASSED


@repository_rule(
    "SPC003",
    "tasks-without-status",
    clause="3.1",
    severity=Severity.MEDIUM,
    family=Family.SPEC_BUNDLES,
    title="Tasks do not say how far they are",
    why="A list of tasks without a status is a list of wishes: nobody can tell what is done.",
    how_to_fix="Begin each item with `- [ ]` or `- [x]`, or give the table of tasks a column *Status*.",
    requires=(RepositoryFacet.SPEC_BUNDLES,),
    violating="""
=== file spec/shop/tasks.md
# Tasks

- [x] Tables and policies
- Worker that books orders
- Totals rounded once
""",
    clean="""
=== file spec/shop/tasks.md
# Tasks

| Task | Status |
|---|---|
| Tables and policies | done |
| Worker that books orders | in work |
""",
)
def tasks_without_status(subject: RepositorySubject) -> Verdicts:
    for file in _files(subject):
        if not file.path.endswith(f"/{TASKS_FILE}"):
            continue
        identity = file_identity(file.path)
        if file.fault:
            yield unknown(identity, f"{file.path} {file.fault}")
        elif not file.tasks:
            yield failed(identity, f"{file.path} holds no task")
        elif file.tasks_without_status:
            yield failed(
                identity,
                f"{file.tasks_without_status} of {file.tasks} tasks in {file.path} have no status",
                line=file.first_task_without_status,
                tasks=file.tasks,
                without_status=file.tasks_without_status,
            )
        else:
            yield PASSED


def _files(subject: RepositorySubject) -> list[SpecFile]:
    return [file for bundle in subject.snapshot.spec_bundles for file in bundle.files if not _is_hidden(bundle)]


def _is_hidden(bundle: SpecBundle) -> bool:
    return bundle.fault is not None
