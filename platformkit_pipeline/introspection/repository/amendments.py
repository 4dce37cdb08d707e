"""Constitutions with the history of what they say, and the documents that amend them (clause 13)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from platformkit_pipeline.introspection.repository.agent_documents import shown
from platformkit_pipeline.introspection.repository.approvals import approvals_of
from platformkit_pipeline.introspection.repository.document_drift import tokens_of
from platformkit_pipeline.introspection.repository.exceptions import date_of_name, documents_in
from platformkit_pipeline.introspection.repository.files import MAX_BYTES, Files, UnreadableError
from platformkit_pipeline.introspection.repository.git import GitRepository, PathState
from platformkit_pipeline.introspection.repository.labelled import Labelled, dates_in, label_of, labelled
from platformkit_pipeline.introspection.repository.markdown import sections_of
from platformkit_pipeline.introspection.repository.template_text import is_written
from platformkit_pipeline.model.repository.governance import Amendment, Constitution, ConstitutionChange

MAX_STATES = 500
"""So many states of a constitution are read, the latest ones."""
MAX_CONSTITUTIONS = 100
_CONSTITUTION = re.compile(r"spec/(?P<project>[^/]+)/constitution\.md")
_FOLDER = re.compile(r"(?P<folder>spec/(?P<project>[^/]+)/constitution-amendments)/[^/]+")
_SEMVER = r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b"
_VERSION_LINE = re.compile(rf"[^\w\n]*(?:constitution\s+)?version\b[^\w\n]*{_SEMVER}", re.IGNORECASE)
_ANY_VERSION = re.compile(rf"(?<![\w.]){_SEMVER}")
_BOOK_KEEPING = re.compile(
    rf"\W*(?:(?:constitution\s+)?version\b[^\w\n]*{_SEMVER}|(?:last\s+(?:updated|amended|changed)|ratified)\b\W*\d)", re.IGNORECASE
)
_HISTORY_LABELS = ("version history", "change history", "revision history", "amendment history", "changelog")
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
    return tuple(_amendment(files, project, path) for folder, project in sorted(folders.items()) for path in documents_in(files, folder))


def version_of(text: str) -> str | None:
    """The version that a constitution says it has, in a line such as `**Version:** 1.2.0`."""
    return next((match[1] for line in text.split("\n") if (match := _VERSION_LINE.match(line[:400]))), None)


def content_digest(text: str) -> str:
    """Names what a constitution says, without its version, dates and version history."""
    said: list[str] = []
    for section in sections_of(text):
        if label_of(section.heading) in _HISTORY_LABELS:
            continue
        for line in section.lines:
            if label_of(line) in _HISTORY_LABELS:  # a history below a bold label goes on to the next heading
                break
            if not _BOOK_KEEPING.match(line[:400]):
                said += tokens_of(line)
    return hashlib.sha256("\x1f".join(said).encode("utf-8", "surrogatepass")).hexdigest()


def _constitution(files: Files, repository: GitRepository, commit: str | None, project: str, path: str) -> Constitution:
    try:
        version = version_of(files.text(path))
    except UnreadableError as error:
        return Constitution(project, path, fault=str(error))
    states = repository.history(path, commit, MAX_STATES + 1) if commit else ()
    read = [(state, _read(repository, state)) for state in states[:MAX_STATES]]
    unread = next((state.commit for state, text in read if text is None and state.object_id is not None), None)
    truncated = f"there are more than {MAX_STATES} of them" if len(states) > MAX_STATES else None
    if unread:
        truncated = f"what commit {unread[:12]} left cannot be read"
    return Constitution(project, path, version, tuple(_changes(read)), truncated)


def _read(repository: GitRepository, state: PathState) -> str | None:
    if state.object_id is None or state.size is None or state.size > MAX_BYTES:
        return None
    data = repository.blobs.read(state.object_id)
    return None if data is None else data.decode("utf-8", "replace")


def _changes(states: Sequence[tuple[PathState, str | None]]) -> Iterator[ConstitutionChange]:
    """Latest first: each state that says something else than the one before it, from the first one with a version on."""
    known = [(state, content_digest(text), version_of(text)) for state, text in states if text is not None]
    versioned = [index for index, (_, _, version) in enumerate(known) if version is not None]
    if versioned:
        known = known[: versioned[-1] + 1]
    for (state, digest, version), (_, before, version_before) in pairwise(known):
        if digest != before:
            yield ConstitutionChange(
                state.commit, state.committed_at[:10], version, raised=version is not None and version != version_before
            )


def _amendment(files: Files, project: str, path: str) -> Amendment:
    try:
        form = labelled(files.text(path))
    except UnreadableError as error:
        return Amendment(project, path, date_of_name(path), fault=str(error))
    versions = _ANY_VERSION.findall(form.get("constitution version", "version", "versions", "new version") or "")
    deadline = dates_in(form.get(*_DEADLINE) or "")
    return Amendment(
        project=project,
        path=path,
        date=date_of_name(path),
        title=shown(form.title),
        version=versions[-1] if versions else None,
        migration_plan=is_written(form.get(*_PLAN) or ""),
        migration_done=_is_done(form),
        deadline=deadline[0] if deadline else None,
        approvals=approvals_of(form),
    )


def _is_done(form: Labelled) -> bool:
    """A status says so, or every box of the plan is ticked."""
    if _DONE.match(form.get(*_STATUS) or ""):
        return True
    boxes = _BOX.findall(form.get(*_PLAN) or "")
    return bool(boxes) and all(box in "xX" for box in boxes)
