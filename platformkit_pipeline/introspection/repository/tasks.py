"""Tasks in a Markdown document, and whether each says how far it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from platformkit_pipeline.introspection.repository.labelled import label_of
from platformkit_pipeline.introspection.repository.markdown import FRONT_MATTER, LineKind, Section, kinds_of, sections_of
from platformkit_pipeline.introspection.repository.template_text import without_comments

_ITEM = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?P<text>\S.*)")
_BOX = re.compile(r"\[[ xX~/>!?-]\](?:\s|$)")
_STATE = (
    r"done|open|to[ -]?do|planned|in[ -]progress|in work|doing|started|not started|blocked|waiting|finished|completed?|pending|wip|"
    r"cancell?ed|dropped|deferred|postponed|in review|review|ready|backlog|active|closed|merged|shipped"
)
_WORD = re.compile(rf"(?:^|[(\[|:*_`–—-]|->|→)[\s*_`]*(?:{_STATE})[\s*_`]*(?:$|[)\]|:*_`.,;–—-])", re.IGNORECASE)
_SIGN = re.compile("[✅❌✔✗☑☐⏳🚧🔲⬜🟢🟡🔴]")
_STATUS_COLUMN = ("status", "state", "done", "progress", "done ")
_TASK_COLUMN = ("task", "tasks", "id", "item", "what", "work", "todo", "description")
_NO_TASKS = re.compile(
    r"(?:format|notes?|legend|dependenc(?:y|ies)|(?:path )?conventions?|(?:implementation )?strategy|overview|definitions?|states?|status|"
    r"parallel (?:examples?|opportunities|execution|team)|examples?|how to|prerequisites|references?|guidelines?|background|goals?|"
    r"out of scope)\b",
    re.IGNORECASE,
)
_RULE = re.compile(r"[\s|:-]+")


@dataclass(frozen=True, slots=True)
class Tasks:
    """`first` is the line of the first one without a status, from 1."""

    count: int = 0
    without_status: int = 0
    first: int | None = None


def tasks_of(text: str) -> Tasks:
    """Items of the outermost lists, and rows of tables of tasks. Lists below headings such as *Notes* are none, unless they have boxes."""
    found = [task for section in sections_of(without_comments(text)) if section.heading != FRONT_MATTER for task in _in(section)]
    without = [line for line, has_status in found if not has_status]
    return Tasks(len(found), len(without), min(without, default=None))


def _in(section: Section) -> Iterator[tuple[int, bool]]:
    """Line and whether it has a status, of each task."""
    explains = section.level > 1 and bool(_NO_TASKS.match(section.heading))
    header: list[str] | None = None
    outermost: int | None = None
    for offset, (whole, kind) in enumerate(zip(section.lines, kinds_of(section.lines), strict=True)):
        if kind is not LineKind.TEXT or offset < section.heading_lines:
            header = None
            continue
        number, line = section.first_line + offset, whole[:4000]
        if line.lstrip().startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if header is None:
                header = [label_of(cell) for cell in cells]
            elif not _RULE.fullmatch(line) and (status := _status_in_row(header, cells)) is not None:
                yield number, status
            continue
        header = None
        item = _ITEM.match(line)
        if item is None:
            if line.strip() and not line[0].isspace():
                outermost = None
            continue
        indent = len(item["indent"].expandtabs(4))
        outermost = indent if outermost is None else min(outermost, indent)
        has_box = bool(_BOX.match(item["text"]))
        if has_box or (indent == outermost and not explains):
            yield number, has_box or bool(_WORD.search(item["text"]) or _SIGN.search(item["text"]))


def _status_in_row(header: list[str], cells: list[str]) -> bool | None:
    """Whether a row has a status; None when the table is none of tasks."""
    column = next((n for n, name in enumerate(header) if name in _STATUS_COLUMN), None)
    if column is None:
        return False if any(name in ("task", "tasks") for name in header) else None
    return column < len(cells) and bool(re.search(r"\w", cells[column]) or _SIGN.search(cells[column]) or _BOX.match(cells[column]))
