"""Spec bundles (clause 3.1): which files there are, and how much of them somebody wrote."""

from __future__ import annotations

from dataclasses import dataclass

SPEC_FOLDER = "spec"
SPEC_FILES = ("constitution.md", "prd.md", "plan.md", "tasks.md")
TASKS_FILE = "tasks.md"


@dataclass(frozen=True, slots=True, order=True)
class SpecFile:
    """One of the four files of a bundle that is there. `fault` tells why it could not be read, as the rest of a sentence."""

    path: str
    words: int = 0
    """Without headings, comments and placeholders."""
    lines: int = 0
    """With something on them."""
    template_lines: int = 0
    """With a placeholder, or with a mark such as TODO where the content would be."""
    placeholders: int = 0
    first_template_line: int | None = None
    tasks: int = 0
    """In a list or table of tasks; counted in `tasks.md` only."""
    tasks_without_status: int = 0
    first_task_without_status: int | None = None
    """Number of the line, from 1."""
    fault: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class SpecBundle:
    """A folder below `spec/`, or a project that is declared to need one. `files` are those that are there."""

    project: str
    files: tuple[SpecFile, ...] = ()
    fault: str | None = None
    """Why nothing in the folder can be read."""

    @property
    def folder(self) -> str:
        return f"{SPEC_FOLDER}/{self.project}"
