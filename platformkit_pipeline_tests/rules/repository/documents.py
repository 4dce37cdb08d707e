"""What is observed of documents alone: rules about them need no scanner of secrets, no linter and no schema of workflows."""

from __future__ import annotations

from platformkit_pipeline.introspection.repository.agent_documents import observe_agent_document_pairs, observe_agent_documents
from platformkit_pipeline.introspection.repository.amendments import observe_amendments, observe_constitutions
from platformkit_pipeline.introspection.repository.change import observe_change
from platformkit_pipeline.introspection.repository.declarations import observe_declarations
from platformkit_pipeline.introspection.repository.exceptions import observe_exceptions
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.organisation_readme import observe_organisation_readme
from platformkit_pipeline.introspection.repository.spec_bundles import observe_spec_bundles
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.snapshot import Unobserved


def observe_documents(repository: GitRepository, name: str = "shop", base: str | None = None) -> RepositorySnapshot:
    """As `observe_repository` has it, and nothing else."""
    head = repository.head()
    files = repository.files(head.commit)
    declarations = observe_declarations(files)
    missing = [Unobserved(RepositoryFacet.CHANGE, "nobody named the base of a change")] if base is None else []
    missing += [Unobserved(RepositoryFacet.HISTORY, "the clone is shallow")] if head.shallow else []
    return RepositorySnapshot(
        head=head,
        declarations=declarations,
        files=files.entries,
        agent_documents=observe_agent_documents(files),
        agent_document_pairs=observe_agent_document_pairs(files),
        spec_bundles=observe_spec_bundles(files, declarations),
        organisation_readme=observe_organisation_readme(files, declarations, name),
        exceptions=observe_exceptions(files),
        constitutions=observe_constitutions(files, repository, head.commit),
        amendments=observe_amendments(files),
        change=observe_change(repository, base, head.commit, files) if base and head.commit else None,
        unobserved=tuple(sorted(missing)),
    )
