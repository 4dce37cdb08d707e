"""GitHub's answers, kept in the cache folder to be asked for again with a condition: a confirmed one costs no rate limit.

A file that cannot be read counts as empty, one that cannot be written costs time and no more.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformkit_pipeline.introspection.github.answers import AnswerStore, StoredAnswer
from platformkit_pipeline.model.record_json import from_json, to_json

_MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 200


@contextmanager
def kept_answers(folder: Path, owner_name: str) -> Iterator[AnswerStore]:
    """The answers about one repository; written back when the block ends without an error. Only the user can read the file."""
    file = folder / "github" / f"{hashlib.sha256(owner_name.lower().encode()).hexdigest()}.json"
    answers = _read(file)
    before = dict(answers)
    yield answers
    if answers != before:
        _write(file, answers)


def _read(file: Path) -> dict[str, StoredAnswer]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            return {}
        document = json.loads(file.read_bytes())
        return {str(question): from_json(StoredAnswer, answer) for question, answer in document.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _write(file: Path, answers: AnswerStore) -> None:
    data = json.dumps({question: to_json(answer) for question, answer in answers.items()}, ensure_ascii=False).encode()
    if len(data) > _MAX_BYTES:
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as written:
                written.write(data)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
        for old in sorted(file.parent.glob("*.json"), key=lambda f: f.stat().st_mtime, reverse=True)[MAX_FILES:]:
            old.unlink(missing_ok=True)
