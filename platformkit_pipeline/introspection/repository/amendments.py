"""Constitutions with the history of what they say, and the documents that amend them (clause 13)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

from platformkit_pipeline.introspection.repository.agent_documents import shown
from platformkit_pipeline.introspection.repository.approvals import approvals_of
from platformkit_pipeline.introspection.repository.document_drift import tokens_of
from platformkit_pipeline.introspection.repository.exceptions import date_of_name, documents_in, rule_codes_in
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.git import GitRepository, PathState
from platformkit_pipeline.introspection.repository.labelled import Labelled, dates_in, label_of, labelled
from platformkit_pipeline.introspection.repository.markdown import sections_of
from platformkit_pipeline.introspection.repository.template_text import is_written
from platformkit_pipeline.model.repository.governance import Amendment, Constitution, ConstitutionChange
from platformkit_pipeline.model.repository.versions import CHANGELOG_NAMES

MAX_STATES = 500
"""So many states of a constitution are read, the latest ones."""
MAX_STATE_BYTES = 256 * 1024
MAX_HISTORY_BYTES = 16 * 1024 * 1024
"""Of all states of one constitution that are read."""
MAX_CONSTITUTIONS = 100
_LONGEST_LINE = 4000
_CONSTITUTION = re.compile(r"spec/(?P<project>[^/]+)/constitution\.md")
_FOLDER = re.compile(r"(?P<folder>spec/(?P<project>[^/]+)/constitution-amendments)/[^/]+")
_SEMVER = r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b"
_VERSION_LINE = re.compile(rf"[^\w\n]*(?:constitution\s+)?version\b[^\w\n]*{_SEMVER}", re.IGNORECASE)
_ANY_VERSION = re.compile(rf"(?<![\w.]){_SEMVER}")
_BOOK_KEEPING = re.compile(
    rf"\W*(?:(?:constitution\s+)?version\b[^\w\n]*{_SEMVER}|(?:last\s+(?:updated|amended|changed)|ratified)\b\W*\d)", re.IGNORECASE
)
_HISTORY_LABELS = ("version history", "change history", "revision history", "amendment history", "changelog")
_STATE_COLUMNS = ("state", "status", "today")
_ENFORCEMENT_COLUMNS = ("enforced by", "enforcement", "since", "planned")
_PLAN = ("migration", "migration plan", "migration of existing projects", "remediation plan")
_STATUS = ("migration status", "migration state", "migration done", "migration completed")
_DEADLINE = ("deadline", "migration deadline", "deadline for existing projects")
_DONE = re.compile(r"\W*(?:done|complete[d]?|finished|yes|true|none needed|not needed|nothing to migrate)\b", re.IGNORECASE)
_BOX = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+\[(.)\]", re.MULTILINE)


def observe_constitutions(files: Files, repository: GitRepository, commit: str | None) -> tuple[Constitution, ...]:
    """That of every project with one, with the commits that changed what it says."""
    matches = [match for path in files.paths if (match := _CONSTITUTION.fullmatch(path))]
    asked = tuple(_constitution(files, repository, commit, match["project"], match[0]) for match in matches[:MAX_CONSTITUTIONS])
    fault = f"is one of more than {MAX_CONSTITUTIONS} constitutions, whose history is not read"
    return asked + tuple(Constitution(match["project"], match[0], fault=fault) for match in matches[MAX_CONSTITUTIONS:])


def observe_amendments(files: Files) -> tuple[Amendment, ...]:
    """Every document of the folders for amendments, whatever its name, but for one that explains the others."""
    folders = {match["folder"]: match["project"] for path in files.paths if (match := _FOLDER.fullmatch(path))}
    changes = _changelog_lines(files)
    return tuple(
        _amendment(files, changes, project, path) for folder, project in sorted(folders.items()) for path in documents_in(files, folder)
    )


def version_of(text: str) -> str | None:
    """The version that a constitution says it has, in a line such as `**Version:** 1.2.0`."""
    return next((match[1] for line in text.split("\n") if (match := _VERSION_LINE.match(line[:400]))), None)


def content_digest(text: str) -> str:
    """Names what a constitution says, without its version, dates and version history, and without how far it is enforced by now.

    The last are the columns of a table that are called so, where one of them is the state.
    """
    said: list[str] = []
    for section in sections_of(text):
        if label_of(section.heading) in _HISTORY_LABELS:
            continue
        columns: frozenset[int] | None = None
        for line in section.lines:
            if label_of(line) in _HISTORY_LABELS:  # a history below a bold label goes on to the next heading
                break
            columns = _counted_columns(line, columns)
            if not _BOOK_KEEPING.match(line[:400]):
                said += tokens_of(_counted(line, columns))
    return hashlib.sha256("\x1f".join(said).encode("utf-8", "surrogatepass")).hexdigest()


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _counted_columns(line: str, columns: frozenset[int] | None) -> frozenset[int] | None:
    """Which columns of the table count, told by its first line; None outside of one, and where all count."""
    if not line.lstrip().startswith("|"):
        return None
    if columns is not None:
        return columns
    header = [cell.lower() for cell in _cells(line[:4000])]
    if not any(cell in _STATE_COLUMNS for cell in header):
        return frozenset(range(len(header)))
    return frozenset(number for number, cell in enumerate(header) if cell not in (*_STATE_COLUMNS, *_ENFORCEMENT_COLUMNS))


def _counted(line: str, columns: frozenset[int] | None) -> str:
    if columns is None:
        return line
    return " ".join(cell for number, cell in enumerate(_cells(line[:4000])) if number in columns)


def _constitution(files: Files, repository: GitRepository, commit: str | None, project: str, path: str) -> Constitution:
    try:
        version = version_of(files.text(path, MAX_STATE_BYTES))
    except UnreadableError as error:
        return Constitution(project, path, fault=str(error))
    states = repository.history(path, commit, MAX_STATES + 1) if commit else ()
    truncated = f"there are more than {MAX_STATES} of them" if len(states) > MAX_STATES else None
    read: list[tuple[PathState, str | None]] = []
    room = MAX_HISTORY_BYTES
    for state in states[:MAX_STATES]:
        text = _read(repository, state, room)
        if text is None and state.object_id is not None:
            truncated = f"what commit {state.commit[:12]} left cannot be read, or all states together are too large"
            break
        read.append((state, text))
        room -= state.size or 0
    return Constitution(project, path, version, tuple(_changes(read)), truncated)


def _read(repository: GitRepository, state: PathState, room: int) -> str | None:
    if state.object_id is None or state.size is None or state.size > min(room, MAX_STATE_BYTES):
        return None
    data = repository.blobs.read(state.object_id)
    return None if data is None else data.decode("utf-8", "replace")


def _changes(states: Sequence[tuple[PathState, str | None]]) -> Iterator[ConstitutionChange]:
    """Latest first: where another version says something else, and where a version says something else at its end than at first.

    What was tried and taken back within a version is no change.
    """
    return reversed(tuple(_changes_in_order(tuple(_versions(states)))))


def _versions(states: Sequence[tuple[PathState, str | None]]) -> Iterator[tuple[str, list[tuple[PathState, str]]]]:
    """Oldest first, from the first one on: each version with its states and their digests. One without a version keeps the last."""
    version: str | None = None
    said: list[tuple[PathState, str]] = []
    for state, text in reversed(states):
        if text is None:
            continue
        named = version_of(text) or version
        if named != version and version is not None:
            yield version, said
            said = []
        version = named
        if version is not None:
            said.append((state, content_digest(text)))
    if version is not None:
        yield version, said


def _changes_in_order(versions: Sequence[tuple[str, list[tuple[PathState, str]]]]) -> Iterator[ConstitutionChange]:
    before: str | None = None
    for version, said in versions:
        first, digest = said[0]
        if before not in (None, digest):
            yield ConstitutionChange(first.commit, first.committed_at[:10], version, raised=True)
        before = said[-1][1]
        if before != digest:
            last = next(later for (_, earlier), (later, now) in reversed(tuple(pairwise(said))) if earlier != now)
            yield ConstitutionChange(last.commit, last.committed_at[:10], version, raised=False)


def _changelog_lines(files: Files) -> tuple[str, ...]:
    """Those of the changelog in the root that name a constitution; none where it cannot be read."""
    names = {name.lower() for name in CHANGELOG_NAMES}
    lines: list[str] = []
    for path in files.paths:
        if path.lower() in names:
            with suppress(UnreadableError):
                lines += [line[:_LONGEST_LINE] for line in files.text(path).split("\n") if "constitution" in line.lower()]
    return tuple(lines)


def _is_named(version: str | None, lines: Sequence[str]) -> bool:
    return version is not None and any(version in _ANY_VERSION.findall(line) for line in lines)


def _amendment(files: Files, changes: Sequence[str], project: str, path: str) -> Amendment:
    try:
        form = labelled(files.text(path, MAX_STATE_BYTES))
    except UnreadableError as error:
        return Amendment(project, path, date_of_name(path), fault=str(error))
    versions = _ANY_VERSION.findall(form.get("constitution version", "version", "versions", "new version") or "")
    version = versions[-1] if versions else None
    deadline = dates_in(form.get(*_DEADLINE) or "")
    return Amendment(
        project=project,
        path=path,
        date=date_of_name(path),
        title=shown(form.title),
        version=version,
        migration_plan=is_written(form.get(*_PLAN) or ""),
        migration_done=_is_done(form),
        deadline=deadline[0] if deadline else None,
        approvals=approvals_of(form),
        rules=rule_codes_in(form),
        in_changelog=_is_named(version, changes),
    )


def _is_done(form: Labelled) -> bool:
    """A status says so, or every box of the plan is ticked."""
    if _DONE.match(form.get(*_STATUS) or ""):
        return True
    boxes = _BOX.findall(form.get(*_PLAN) or "")
    return bool(boxes) and all(box in "xX" for box in boxes)
