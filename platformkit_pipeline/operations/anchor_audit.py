"""Anchors of the audit log in a file beside the database, one line per night, and what the chain says to them (clause 11.1).

Whoever can rewrite the whole chain, or restores an older backup, makes one that is whole: only what was noted outside tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.audit_anchor import AuditAnchor, anchor_of_line
from platformkit_pipeline.model.control_plane import AuditFacts
from platformkit_pipeline.model.errors import ConfigurationError

FILE_NAME = "audit-anchors.jsonl"
_SHOWN = 20
"""Of anchors that the chain lacks; after a restore from a backup it may lack all of a year."""
_BEGINNING = '{"noted_at"'

_log = get_logger("operations.anchor_audit")


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """What the file holds. `faults` names lines that are no anchors, one sentence each."""

    anchors: tuple[AuditAnchor, ...] = ()
    faults: tuple[str, ...] = ()


def anchor_path() -> Path:
    """Where anchors are noted: in PLATFORMKIT_HOME. Best on a disk that the database's administrators cannot write."""
    return home_directory() / FILE_NAME


def read_anchors(path: Path, *, must_exist: bool = False) -> AnchorFile:
    """All anchors of the file, none where there is no file yet. What a killed run left half-written is no fault.

    Raises ConfigurationError for a file that cannot be read, and where one `must_exist` for none, an empty one, and one that holds
    nothing but the beginning of an anchor: it was cut off, and would find nothing.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise ConfigurationError(f"the audit anchors in {path} cannot be read: {error.strerror}") from None
    anchors, faults = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or _is_torn(line):
            continue
        try:
            anchors.append(anchor_of_line(line))
        except ValueError:
            faults.append(f"line {number} of {path.name} is no anchor: the file was changed")
    if must_exist and not anchors and not faults:
        raise ConfigurationError(f"there are no anchors in {path}: name the file that nights note them in")
    return AnchorFile(tuple(anchors), tuple(faults))


def audit_facts(connection: Connection, noted: AnchorFile, *, anchor: str | None = None) -> AuditFacts:
    """How the whole chain stands, and which anchors it lacks; give it one snapshot of the database. Raises ControlPlaneError.

    `anchor` is one more head hash that must be in the chain, noted without its place.
    """
    found = audit.verify(connection, anchor=anchor)
    missing = audit.anchors_missing(connection, noted.anchors)
    sentences = [*noted.faults, *(f"{anchor} is not in the chain" for anchor in missing)]
    more = [f"and {len(sentences) - _SHOWN} more like these"] if len(sentences) > _SHOWN else []
    problems = (*found.problems, *audit.rows_that_differ(connection))
    return AuditFacts(found.length, found.head_hash, problems, len(noted.anchors), (*sentences[:_SHOWN], *more))


def note_anchor(path: Path, facts: AuditFacts, noted: Iterable[AuditAnchor], now: datetime) -> AuditAnchor | None:
    """Note the end of a chain that is whole, once in a UTC day; None where it is broken, or was noted today.

    The line is on disk when this returns. Raises ConfigurationError where it cannot be written.
    """
    today = now.astimezone(UTC).date()
    if facts.problems or facts.missing_anchors or any(anchor.noted_at.astimezone(UTC).date() == today for anchor in noted):
        return None
    anchor = AuditAnchor(now, facts.length, facts.head_hash)
    try:
        _append(path, anchor.to_line())
    except OSError as error:
        raise ConfigurationError(f"the audit anchor cannot be noted in {path}: {error.strerror}") from None
    _log.info("anchored", length=anchor.length, head_hash=anchor.head_hash)
    return anchor


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        after_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" * after_torn + line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name of a new file, too
    finally:
        os.close(folder)


def _is_torn(line: str) -> bool:
    """The beginning of a line whose writer was killed."""
    return not line.endswith("}") and (line.startswith(_BEGINNING) or _BEGINNING.startswith(line))
