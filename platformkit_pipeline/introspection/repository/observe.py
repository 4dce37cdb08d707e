"""Observe one commit of a repository: every facet from the same tree."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.introspection.repository.agent_documents import observe_agent_documents
from platformkit_pipeline.introspection.repository.declarations import observe_declarations
from platformkit_pipeline.introspection.repository.diagrams import observe_diagrams
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.snapshot import Unobserved

_NOT_ASKED = "GitHub was not asked; give --github OWNER/NAME and a token"
_NO_BASE = "nobody named the base of a change; give --base"
_NO_CONTROL_PLANE = "only the control plane tells"


@dataclass(frozen=True, slots=True)
class RepositoryOptions:
    """What to observe. `commit` is an id, HEAD unless given; `base` the commit that a branch left, where a change is judged.

    `name` is the target's: digests of secrets are salted with it.
    """

    name: str
    commit: str | None = None
    base: str | None = None


def observe_repository(repository: GitRepository, options: RepositoryOptions) -> RepositorySnapshot:
    """The snapshot of a commit. Raises ObservationError when the repository as a whole cannot be read."""
    head = repository.head(options.commit)
    files = repository.files(head.commit)
    return RepositorySnapshot(
        head=head,
        declarations=observe_declarations(files),
        files=files.entries,
        tags=repository.tags(),
        agent_documents=observe_agent_documents(files),
        diagrams=observe_diagrams(files),
        unobserved=tuple(sorted(_unobserved(head.shallow, options))),
    )


def _unobserved(shallow: bool, options: RepositoryOptions) -> list[Unobserved]:
    missing = [
        Unobserved(RepositoryFacet.BRANCH_PROTECTION, _NOT_ASKED),
        Unobserved(RepositoryFacet.SECURITY_SETTINGS, _NOT_ASKED),
        Unobserved(RepositoryFacet.REPORTED_CHECKS, _NOT_ASKED),
        Unobserved(RepositoryFacet.RECORDED_EXCEPTIONS, _NO_CONTROL_PLANE),
    ]
    if options.base is None:
        missing.append(Unobserved(RepositoryFacet.CHANGE, _NO_BASE))
    if shallow:
        missing.append(Unobserved(RepositoryFacet.HISTORY, "the clone is shallow; `git fetch --unshallow` brings the rest"))
    return missing
