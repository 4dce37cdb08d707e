"""What a repository is called, wherever its clone lies."""

from __future__ import annotations

from pathlib import Path

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.repository.declarations import DECLARATIONS_FILE


def declared_name(path: Path) -> str | None:
    """The name in `.platformkit.yaml` of HEAD; None where there is none. Raises ConfigurationError, ObservationError."""
    with open_repository(path) as repository:
        files = repository.files(repository.borrowed.commit, only=DECLARATIONS_FILE)
        if DECLARATIONS_FILE not in files:
            return None
        from platformkit_pipeline.introspection.repository.declarations import observe_declarations

        return observe_declarations(files).name
