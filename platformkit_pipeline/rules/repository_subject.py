"""What rules about a repository judge: an observation, what the owners declared, and the day of the judgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.rules.registry import Scope, Source, rule

REPOSITORY = "repository"
repository_rule = partial(rule, scope=Scope.REPOSITORY, source=Source.CLONE)
"""Registers a rule about a repository: a function from a `RepositorySubject` to one verdict per judged object."""


@dataclass(frozen=True, slots=True)
class RepositorySubject:
    """`today` is the UTC day for which is judged: what expires on it is still in force."""

    snapshot: RepositorySnapshot
    today: date
    recorded_exceptions: tuple[str, ...] | None = None
    """Paths of documents that `ops.exceptions` names; None where no control plane was asked."""

    @property
    def declarations(self) -> RepositoryDeclarations:
        return self.snapshot.declarations


def repository_identity(about: str = "") -> ObjectIdentity:
    """The repository as a whole, or one thing about it that is no file."""
    return ObjectIdentity(REPOSITORY, None, about or REPOSITORY)


def file_identity(path: str, **about: str) -> ObjectIdentity:
    """A file, or one thing in it. Never a line: those move."""
    return ObjectIdentity("file", None, path, tuple(about.items()))
