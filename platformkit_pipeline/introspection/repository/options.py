"""What is to be observed of a repository."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.model.target import GithubAccess


@dataclass(frozen=True, slots=True)
class RepositoryOptions:
    """What to observe. `commit` is an id, HEAD unless given; `base` the commit that a branch left, where a change is judged.

    `name` is the target's: digests of secrets are salted with it.
    """

    name: str
    commit: str | None = None
    base: str | None = None
    github: GithubAccess | None = None
    """Ask GitHub about the repository as well. What it tells belongs to the moment and not to the commit."""
