"""Spec bundles with all their files, and tasks that say how far they are (clause 3.1)."""

from __future__ import annotations

import re

from platformkit_pipeline.introspection.repository.tasks import lines_without_status
from platformkit_pipeline.model.repository.specs import SPEC_FILES
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.templates import Blueprint, repository_files
from platformkit_pipeline.remediation.repository.text_files import editable

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_BULLET = re.compile(r"(?P<mark>[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)(?P<text>\S.*)")
_TO_WRITE = "A skeleton only: SPC002 goes on reporting each file until somebody has replaced what stands in brackets."
_OPEN = "Every task without a status is put as open: tick those that are done before you merge."


def add_missing_files(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The missing file of a bundle, or all four where there is no bundle, as templates that say that they are templates."""
    if finding.object.kind == "file":
        folder, _, name = finding.object.name.rpartition("/")
        names, project = [name], folder.rpartition("/")[2]
    else:
        names, project = list(SPEC_FILES), context.name.rpartition("/")[2]
        folder = f"spec/{project}"
    if not _PROJECT.match(project):
        return ByHand(f"{project!r} cannot be the name of a folder of spec/", (f"Add {', '.join(names)} to spec/<project>/.",))
    templates = repository_files(Blueprint(project)).texts
    writes = {f"{folder}/{name}": context.kept(f"{folder}/{name}", templates[f"spec/{project}/{name}"]) for name in names}
    return Edit(f"Add {', '.join(sorted(writes))}, to be written", writes, (_TO_WRITE,), successors=("SPC002",))


def put_boxes(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """An empty box before each task of a list that has no status."""
    path = finding.object.name
    document = editable(context.files, path)
    lines = document.lines
    without = lines_without_status(document.text)
    if not any(file.tasks for bundle in context.snapshot.spec_bundles for file in bundle.files if file.path == path):
        return ByHand(f"{path} holds no task", (f"List in {path} what is to be done, each task beginning with `- [ ]` or `- [x]`.",))
    for number in without:
        found = _BULLET.match(lines[number - 1])
        if found is None:
            steps = (f"Give the table in {path} a column *Status*, and each task its status there.",)
            return ByHand("the tasks stand in a table, and where its column belongs is for whoever keeps it", steps)
        lines[number - 1] = f"{found['mark']}[ ] {found['text']}"
    return Edit(f"Put a box before each task of {path}", {path: document.encoded("\n".join(lines))}, (_OPEN,))
