"""What rules about a repository judge: an observation, what the owners declared, and the day of the judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.repository.components import Language, component_files
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.generated_readme import RenderedReadme
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.rules.registry import Scope, Source, rule

REPOSITORY = "repository"
repository_rule = partial(rule, scope=Scope.REPOSITORY, source=Source.CLONE)
"""Registers a rule about a repository: a function from a `RepositorySubject` to one verdict per judged object."""


@dataclass(frozen=True)
class RepositorySubject:
    """`today` is the UTC day for which is judged: what expires on it is still in force."""

    snapshot: RepositorySnapshot
    today: date
    recorded_exceptions: tuple[str, ...] | None = None
    """Paths of documents that `ops.exceptions` names; None where no control plane was asked."""
    rendered_readme: RenderedReadme | None = None
    """The organisation's README as it was rendered last for this repository; None where it was for none, or nobody was asked."""

    @cached_property
    def components(self) -> Mapping[str, Language]:
        """Files of component code by path: asked for by several rules, and dear in a large tree."""
        packages = [package for manifest in self.snapshot.manifests for package in manifest.packages]
        regular = (file.path for file in self.snapshot.files if file.is_regular)
        return component_files(regular, self.declarations.component_paths, packages)

    @property
    def declarations(self) -> RepositoryDeclarations:
        return self.snapshot.declarations


def repository_identity(about: str = "") -> ObjectIdentity:
    """The repository as a whole, or one thing about it that is no file."""
    return ObjectIdentity(REPOSITORY, None, about or REPOSITORY)


def file_identity(path: str, **about: str) -> ObjectIdentity:
    """A file, or one thing in it. Never a line: those move."""
    return ObjectIdentity("file", None, path, tuple(about.items()))
