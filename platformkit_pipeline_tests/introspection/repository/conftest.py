"""Git repositories to observe, built commit by commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    """An empty repository, to be filled."""
    made = RepositoryBuilder(tmp_path / "repository")
    made.init()
    return made
