"""A connector of the settings as what a command looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from platformkit_pipeline.cli.subject import Listed, refuse_together

if TYPE_CHECKING:
    from platformkit_pipeline.model.settings import Connector


def connector_of_settings(name: str, listed: Listed) -> Connector | None:
    """The entry under `connectors` of that name; None where there is none, or a project or repository has the name."""
    settings = listed.settings
    if name in {*(project.name for project in settings.projects), *(repository.name for repository in settings.repositories)}:
        return None
    return next((connector for connector in settings.connectors if connector.name == name), None)


def refuse_other_options(name: str, others: Mapping[str, object]) -> None:
    """Raises ConfigurationError for options that are about another kind of target, or that the settings decide."""
    refuse_together(f"--target {name} is a connector of the settings and", others)
