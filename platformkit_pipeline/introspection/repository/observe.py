"""Observe one commit of a repository: every facet from the same tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from platformkit_pipeline.introspection.repository.agent_documents import observe_agent_document_pairs, observe_agent_documents
from platformkit_pipeline.introspection.repository.amendments import observe_amendments, observe_constitutions
from platformkit_pipeline.introspection.repository.automation import observe_automation
from platformkit_pipeline.introspection.repository.change import observe_change
from platformkit_pipeline.introspection.repository.client_keys import observe_client_keys
from platformkit_pipeline.introspection.repository.codeowners import observe_codeowners
from platformkit_pipeline.introspection.repository.declarations import observe_declarations
from platformkit_pipeline.introspection.repository.diagrams import observe_diagrams
from platformkit_pipeline.introspection.repository.environment_files import observe_environment_files
from platformkit_pipeline.introspection.repository.exceptions import observe_exceptions
from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.github_settings import ask_github, with_github
from platformkit_pipeline.introspection.repository.log_statements import observe_printing
from platformkit_pipeline.introspection.repository.manifests import MAX_MANIFESTS, observe_manifests
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.introspection.repository.organisation_readme import observe_organisation_readme
from platformkit_pipeline.introspection.repository.secret_hooks import observe_secret_hooks
from platformkit_pipeline.introspection.repository.secrets import observe_secrets
from platformkit_pipeline.introspection.repository.spec_bundles import observe_spec_bundles
from platformkit_pipeline.introspection.repository.suppressions import observe_suppressions
from platformkit_pipeline.introspection.repository.versions import MAX_SOURCES, observe_changelogs, observe_versions
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.repository.change import Change
from platformkit_pipeline.model.repository.facet import GITHUB_FACETS, RepositoryFacet
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.snapshot import Unobserved

_NOT_ASKED = "GitHub was not asked; give --github OWNER/NAME and a token"
_NO_BASE = "nobody named the base of a change; give --base"
_NO_CONTROL_PLANE = "only the control plane tells"
_DEFAULT_BRANCH = "main"


def observe_repository(repository: GitRepository, options: RepositoryOptions) -> RepositorySnapshot:
    """The snapshot of a commit, with what GitHub tells now where it is asked.

    Raises ObservationError when the repository as a whole cannot be read; that GitHub gives no answer is noted.
    """
    snapshot = observe_commit(repository, options)
    return snapshot if options.github is None else with_github(snapshot, ask_github(options.github))


def observe_commit(repository: GitRepository, options: RepositoryOptions) -> RepositorySnapshot:
    """The snapshot without GitHub: the same for the same commit. Raises ObservationError."""
    head = repository.head(options.commit)
    files = repository.files(head.commit)
    files.prefetch()
    declarations = observe_declarations(files)
    change = _change(repository, head.commit, files, options.base)
    secrets = observe_secrets(repository, files, declarations.name or options.name, options.commit)
    hooks, hook_faults = observe_secret_hooks(files)
    suppressions, more_suppressions = observe_suppressions(files)
    automation = observe_automation(files, declarations, head.branch or _DEFAULT_BRANCH)
    manifests = observe_manifests(files)
    versions = observe_versions(files, manifests)
    printing_files, unprinted = observe_printing(files, declarations, manifests)
    missing = [
        *_unobserved(head.shallow, options),
        *([change] if isinstance(change, Unobserved) else []),
        *secrets.unobserved,
        *(Unobserved(RepositoryFacet.SECRET_HOOKS, fault) for fault in hook_faults if not hooks),
        *([Unobserved(RepositoryFacet.SUPPRESSIONS, "there are more than are read")] if more_suppressions else []),
        *automation.unobserved,
        *unprinted,
        *_too_many(len(manifests), len(versions)),
    ]
    snapshot = RepositorySnapshot(
        head=head,
        declarations=declarations,
        files=files.entries,
        tags=repository.tags(),
        workflows=automation.workflows,
        workflow_weaknesses=automation.weaknesses,
        declared_commands=automation.commands,
        other_automation=automation.others,
        codeowners=observe_codeowners(files, declarations.critical_paths),
        secrets=secrets.secrets,
        unsearched=secrets.unsearched,
        client_keys=observe_client_keys(files),
        environment_files=observe_environment_files(files),
        secret_hooks=hooks,
        suppressions=suppressions,
        agent_documents=observe_agent_documents(files),
        agent_document_pairs=observe_agent_document_pairs(files),
        diagrams=observe_diagrams(files),
        spec_bundles=observe_spec_bundles(files, declarations),
        organisation_readme=observe_organisation_readme(files, declarations, options.name),
        exceptions=observe_exceptions(files),
        constitutions=observe_constitutions(files, repository, head.commit),
        amendments=observe_amendments(files),
        manifests=manifests,
        versions=versions,
        changelogs=observe_changelogs(files),
        printing_files=printing_files,
        change=change if isinstance(change, Change) else None,
        unobserved=tuple(sorted(missing)),
    )
    masked = secrets.masker.masked(snapshot)  # a heading, a job's name, even a file's name may hold a secret
    return masked if masked.files is snapshot.files else replace(masked, files=tuple(sorted(masked.files)))


def _change(repository: GitRepository, commit: str | None, files: Files, base: str | None) -> Change | Unobserved | None:
    """What a branch brings, or why that cannot be told; None where nobody asked."""
    if base is None or commit is None:
        return None
    try:
        return observe_change(repository, base, commit, files)
    except ObservationError as error:  # a clone may lack what only the base has
        return Unobserved(RepositoryFacet.CHANGE, str(error))


def _too_many(manifests: int, versions: int) -> Iterator[Unobserved]:
    """Facets of which only the first were read, so nothing can be said about the whole."""
    if manifests >= MAX_MANIFESTS:
        yield Unobserved(RepositoryFacet.MANIFESTS, f"the repository has {MAX_MANIFESTS} manifests or more")
    if versions >= MAX_SOURCES:
        yield Unobserved(RepositoryFacet.VERSIONS, f"the repository says {MAX_SOURCES} versions or more")


def _unobserved(shallow: bool, options: RepositoryOptions) -> list[Unobserved]:
    missing = [
        *(Unobserved(facet, _NOT_ASKED) for facet in GITHUB_FACETS),
        Unobserved(RepositoryFacet.RECORDED_EXCEPTIONS, _NO_CONTROL_PLANE),
    ]
    if options.base is None:
        missing.append(Unobserved(RepositoryFacet.CHANGE, _NO_BASE))
    if shallow:
        missing.append(Unobserved(RepositoryFacet.HISTORY, "the clone is shallow; `git fetch --unshallow` brings the rest"))
    return missing
