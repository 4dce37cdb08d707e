"""Tags that name a version, with a `v` or without, and with the name of a module before it or without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from platformkit_pipeline.model.repository.semantic_version import SemanticVersion, read_version
from platformkit_pipeline.model.repository.tree import Tag

_TAG = re.compile(r"(?:.*[@/_-])?v?(?P<version>\d+\.\d+\.\d+(?:[-+.]?[0-9A-Za-z][0-9A-Za-z.+-]*)?)\Z", re.ASCII)


def version_tags(tags: Iterable[Tag]) -> Iterator[tuple[Tag, SemanticVersion]]:
    """Tags whose version is semantic. A tag such as `v1`, which moves with every release, is none."""
    for tag in tags:
        found = _TAG.match(tag.name)
        version = read_version(found["version"], python=True) if found else None
        if version is not None:
            yield tag, version
