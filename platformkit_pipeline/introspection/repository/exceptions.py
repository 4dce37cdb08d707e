"""Exception documents (clause 10.1): what each of them says, and what it leaves open."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from posixpath import basename, dirname

from platformkit_pipeline.introspection.repository.agent_documents import shown
from platformkit_pipeline.introspection.repository.approvals import approvals_of
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.labelled import Labelled, is_day, labelled
from platformkit_pipeline.introspection.repository.template_text import is_written
from platformkit_pipeline.model.repository.governance import EXCEPTIONS_FOLDER, NOTHING_NAMED, ExceptionDocument

_NAME = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})-[A-Za-z0-9][\w.-]*\.md")
_NO_DOCUMENTS = re.compile(r"(?:readme|index|[_.].*|template|.*[-_.]template)\.md", re.IGNORECASE)
_LIMIT = 256 * 1024
_RATIONALE = ("rationale", "reason", "justification", "why")
_RISK = ("risk", "risks", "risk assessment")
_MITIGATION = ("mitigation", "mitigations", "mitigation plan", "compensating controls")
_EXPIRY = ("expiry", "expiry date", "expires", "expires on", "expiration", "expiration date", "valid until")
_RULES = ("rule", "rules", "rule code", "rule codes")
_OBJECTS = ("object", "objects", "applies to", "affected objects")
_TARGETS = ("target", "targets", "project", "projects")
_CODE = re.compile(r"\b[A-Z]{3}\d{3}\b|\bparity/(?:api|data|event|behavior|drift)\b")
_OBJECT = re.compile(r"`([^`\n]{1,200})`")
_EXPIRY_VALUE = re.compile(r"[\s*_`>|-]*(?P<day>\d{4}-\d{2}-\d{2})(?!\d)")
_EVERYTHING = "*"
_MAX_NAMED = 100
_LONGEST_TEXT = 600
_LONGEST_WORD = 40
_LONGEST_NAME = 63
"""Of an identifier in PostgreSQL; what is longer between the dots of a name could be a secret."""
_HIDDEN = "[…]"


def observe_exceptions(files: Files) -> tuple[ExceptionDocument, ...]:
    """Every document of the folder itself, whatever its name, but for one that explains the others or is a template."""
    return tuple(_document(files, path) for path in documents_in(files, EXCEPTIONS_FOLDER))


def documents_in(files: Files, folder: str) -> Iterator[str]:
    """Paths of a folder's Markdown files that are neither README nor template."""
    for entry in files.below(folder):
        if dirname(entry.path) == folder and entry.path.lower().endswith(".md") and not _NO_DOCUMENTS.fullmatch(basename(entry.path)):
            yield entry.path


def date_of_name(path: str) -> str | None:
    """The day that a file called `<date>-<summary>.md` begins with."""
    match = _NAME.fullmatch(basename(path))
    return match["date"] if match and is_day(match["date"]) else None


def rule_codes_in(form: Labelled) -> tuple[str, ...]:
    """Codes of rules below the label *Rules*, in order."""
    return tuple(sorted(set(_CODE.findall(form.get(*_RULES) or "")))[:_MAX_NAMED])


def _document(files: Files, path: str) -> ExceptionDocument:
    try:
        text = files.text(path, _LIMIT)
    except UnreadableError as error:
        return ExceptionDocument(path, date_of_name(path), fault=str(error))
    form = labelled(text)
    expiry, malformed = _expiry(form)
    return ExceptionDocument(
        path=path,
        date=date_of_name(path),
        title=shown(form.title),
        rationale=_says(form, _RATIONALE),
        risk=_says(form, _RISK),
        mitigation=_says(form, _MITIGATION),
        expiry=expiry,
        expiry_malformed=malformed,
        approvals=approvals_of(form),
        rules=rule_codes_in(form),
        objects=tuple(sorted({_object_shown(name) for name in _named(form, _OBJECTS)})[:_MAX_NAMED]),
        rationale_text=_text(form, _RATIONALE),
        risk_text=_text(form, _RISK),
        mitigation_text=_text(form, _MITIGATION),
        targets=tuple(sorted({shown(name) for name in _named(form, _TARGETS)})[:_MAX_NAMED]),
        digest=hashlib.sha256(" ".join(text.split()).encode()).hexdigest(),
    )


def _says(form: Labelled, labels: tuple[str, ...]) -> bool:
    return is_written(form.get(*labels) or "")


def _expiry(form: Labelled) -> tuple[str | None, bool]:
    """The day, and whether something else stands in its place."""
    value = form.get(*_EXPIRY) or ""
    match = _EXPIRY_VALUE.match(value)
    if match and is_day(match["day"]):
        return match["day"], False
    return None, is_written(value) or match is not None


def _text(form: Labelled, labels: tuple[str, ...]) -> str:
    """What stands there, for a row and a list: on one line, shortened, without words that no language has."""
    value = form.get(*labels) or ""
    if not is_written(value):
        return ""
    words = " ".join(word if len(word) <= _LONGEST_WORD else _HIDDEN for word in value.split())
    # Cut between words: half a secret would not be recognised when secrets are masked.
    return words if len(words) <= _LONGEST_TEXT else words[:_LONGEST_TEXT].rpartition(" ")[0] + " …"


def _named(form: Labelled, labels: tuple[str, ...]) -> list[str]:
    """What stands between backticks, else each item of a list or line. A part that is blank or TBD is not read as one that is not there."""
    parts = [value for label, value in form.values if label in labels]
    for value in parts:
        named = _OBJECT.findall(value) or [part.strip(" \t-*+|") for line in value.split("\n") for part in line.split(",")]
        if said := [name for name in named if name == _EVERYTHING or is_written(name)]:
            return said
    return [NOTHING_NAMED] if parts else []


def _object_shown(name: str) -> str:
    """Whole, for it is compared with names of objects; never so shortened that it matches more."""
    name = " ".join(name.split())
    return name if all(len(part) <= _LONGEST_NAME for part in re.split(r"[.\s/]", name)) else _HIDDEN
