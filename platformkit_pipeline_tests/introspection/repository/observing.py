"""What is observed of a repository that holds some files."""

from __future__ import annotations

from collections.abc import Mapping

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder


def observed(builder: RepositoryBuilder, files: Mapping[str, str | bytes]) -> RepositorySnapshot:
    """Write the files, commit them, observe the commit."""
    for path, content in files.items():
        builder.write(path, content)
    builder.commit("All of it")
    with open_repository(builder.folder) as repository:
        return observe_repository(repository, RepositoryOptions("shop"))
