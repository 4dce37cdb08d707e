"""What came of a question to GitHub, and the answers that are kept to ask again with a condition (ETag)."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.errors import ObservationError


class GithubUnavailable(ObservationError):
    """GitHub gave no answer that can be used; the message says why and who can do what, and holds no token."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer that GitHub may confirm with 304 instead of sending it again; a confirmed one costs no rate limit."""

    etag: str
    body: str
    """JSON text, without values of secrets."""
    link: str = ""
    """The Link header that came with it: 304 need not repeat it."""


AnswerStore = MutableMapping[str, StoredAnswer]
"""Answers by question; the caller keeps it between observations. A plain dict will do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A document that GitHub gave, or why it did not."""

    document: Any = None
    refusal: Meaning | None = None
    why: str = ""
    """A sentence for a person; empty without a refusal."""
    following: str = ""
    """Address of the next page."""

    @property
    def given(self) -> bool:
        return self.refusal is None


class AnotherShape(Exception):
    """A document has another form than the API describes; carries nothing of it."""


def record(document: Any) -> dict[str, Any]:
    """The document as a JSON object. Raises AnotherShape."""
    if not isinstance(document, dict):
        raise AnotherShape
    return document


def records(document: Any) -> list[dict[str, Any]]:
    """The document as a list of JSON objects. Raises AnotherShape."""
    if not isinstance(document, list):
        raise AnotherShape
    return [record(item) for item in document]


def text(value: Any) -> str:
    """The value as text without control characters, at most 300 characters long. Raises AnotherShape."""
    if not isinstance(value, str):
        raise AnotherShape
    return "".join(c for c in value[:300] if c.isprintable())


def number(value: Any) -> int:
    """The value as a whole number of at most 64 bits. Raises AnotherShape."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise AnotherShape
    return value


def flag(document: dict[str, Any], name: str) -> bool:
    """A switch that the API writes as `true` or as `{"enabled": true}`; absent and null are off. Raises AnotherShape."""
    value = document.get(name)
    if isinstance(value, dict):
        value = value.get("enabled")
    if not isinstance(value, bool | None):
        raise AnotherShape
    return bool(value)
