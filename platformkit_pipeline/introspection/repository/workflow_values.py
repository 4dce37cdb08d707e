"""Values of a workflow in the terms of the records: bounded, and of the expected kind or left out."""

from __future__ import annotations

import re
from typing import Any

from platformkit_pipeline.model.repository.workflows import Pin, Use

_FULL_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:[-+.][\w.-]+)?\Z|[\w-]+[-@/]v?\d+(?:\.\d+)+\Z")
_LONGEST = 200
_MOST = 200


def named_list(value: Any) -> tuple[str, ...] | None:
    """One name or a list of names; None where nothing is given."""
    if value is None:
        return None
    given = value if isinstance(value, list) else [value]
    return tuple(str(item)[:_LONGEST] for item in given[:_MOST] if isinstance(item, str | int | float))


def permissions_of(value: Any) -> tuple[str, ...] | None:
    """`scope: access`, sorted; None where nothing is said."""
    if value is None:
        return None
    if isinstance(value, dict):
        return tuple(sorted(f"{str(scope)[:60]}: {str(access)[:20]}" for scope, access in value.items()))
    return (str(value)[:20],)


def use_of(value: Any, line: int) -> Use | None:
    """What `uses` names; None for something that is no name."""
    if not isinstance(value, str) or not value.strip() or len(value) > 2 * _LONGEST:
        return None
    text = value.strip()
    if text.startswith(("./", "$/")):
        return Use(f"./{text[2:]}", "", Pin.LOCAL, line)
    if text.startswith("docker://"):
        image, at, digest = text.partition("@")
        tag = image.rsplit("/", 1)[-1].partition(":")[2]
        return Use(image, digest or tag, Pin.SHA if at and digest.startswith("sha256:") else Pin.TAG if tag else Pin.NONE, line)
    name, at, reference = text.partition("@")
    if not at:
        return Use(name, "", Pin.NONE, line)
    kind = Pin.SHA if _FULL_ID.match(reference) else Pin.TAG if _VERSION.match(reference) else Pin.BRANCH
    return Use(name, reference, kind, line)
