"""What could not be read, collected while an observation goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from platformkit_pipeline.introspection.github.answers import AnotherShape
from platformkit_pipeline.model.repository.github import GithubFacet
from platformkit_pipeline.model.snapshot import Unobserved

T = TypeVar("T")


@dataclass(slots=True)
class Notes:
    """Facets that could not be read, with the reasons."""

    entries: set[Unobserved] = field(default_factory=set)

    def unobserved(self, facet: GithubFacet, why: str) -> None:
        """Note that this facet, or a part of it, could not be read."""
        self.entries.add(Unobserved(facet.value, why))

    def reading(self, facet: GithubFacet, read: Callable[[], T], otherwise: T) -> T:
        """What `read` gives; `otherwise`, with a note, when an answer of GitHub has another shape than the API describes."""
        try:
            return read()
        except (AnotherShape, KeyError, TypeError, ValueError, AttributeError):
            self.unobserved(facet, "an answer of GitHub has another shape than expected")
            return otherwise
