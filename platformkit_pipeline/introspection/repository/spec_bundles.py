"""Spec bundles: the four files of each project below `spec/`, measured."""

from __future__ import annotations

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.tasks import Tasks, tasks_of
from platformkit_pipeline.introspection.repository.template_text import measured
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.specs import SPEC_FILES, SPEC_FOLDER, TASKS_FILE, SpecBundle, SpecFile
from platformkit_pipeline.model.repository.tree import SUBMODULE, SYMBOLIC_LINK

MAX_FILE_BYTES = 512 * 1024
MAX_BUNDLES = 1_000


def observe_spec_bundles(files: Files, declarations: RepositoryDeclarations) -> tuple[SpecBundle, ...]:
    """One for each folder of `spec/` and for each declared project, by name; at most 1,000."""
    projects = {project.strip("/") for project in declarations.spec_projects}
    faults: dict[str, str] = {}
    for entry in files.below(SPEC_FOLDER):
        project, inside, _ = entry.path.removeprefix(f"{SPEC_FOLDER}/").partition("/")
        if inside:
            projects.add(project)
        elif entry.mode in (SUBMODULE, SYMBOLIC_LINK):
            projects.add(project)
            faults[project] = "is a submodule" if entry.mode == SUBMODULE else "is a symbolic link, which is not followed"
    return tuple(_bundle(files, project, faults.get(project)) for project in sorted(projects)[:MAX_BUNDLES])


def _bundle(files: Files, project: str, fault: str | None) -> SpecBundle:
    paths = [f"{SPEC_FOLDER}/{project}/{name}" for name in SPEC_FILES]
    return SpecBundle(project, tuple(sorted(_file(files, path) for path in paths if path in files)), fault)


def _file(files: Files, path: str) -> SpecFile:
    try:
        text = files.text(path, MAX_FILE_BYTES)
    except UnreadableError as error:
        return SpecFile(path, fault=str(error))
    written = measured(text)
    tasks = tasks_of(text) if path.endswith(f"/{TASKS_FILE}") else Tasks()
    return SpecFile(
        path=path,
        words=written.words,
        lines=written.lines,
        template_lines=written.template_lines,
        placeholders=written.placeholders,
        first_template_line=written.first_line,
        tasks=tasks.count,
        tasks_without_status=tasks.without_status,
        first_task_without_status=tasks.first,
    )
