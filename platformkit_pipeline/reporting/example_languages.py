"""What the examples of rules are written in, for whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.rules.registry import REPOSITORY_SOURCES, Source

EXAMPLE_LANGUAGES: Mapping[Source, str] = MappingProxyType(
    {Source.LOGS: "json", **dict.fromkeys(REPOSITORY_SOURCES, "text"), Source.CONNECTOR: "yaml", Source.PLATFORM: "yaml"}
)
"""Where it is not SQL: what the logs said, what was done to a repository, an entry of the settings,
what happened in a control plane."""
