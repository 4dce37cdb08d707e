"""One immutable observation of a repository at one commit, and of its settings where they could be asked for.

What could not be read is listed in `RepositorySnapshot.unobserved`, so that a rule can answer UNKNOWN instead of guessing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from platformkit_pipeline.model.repository.change import Change
from platformkit_pipeline.model.repository.checks import DeclaredCommand, OtherAutomation
from platformkit_pipeline.model.repository.codeowners import Codeowners
from platformkit_pipeline.model.repository.declarations import NOTHING_DECLARED, RepositoryDeclarations
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.model.repository.documents import AgentDocument, AgentDocumentPair
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.generated_readme import OrganisationReadme
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.model.repository.governance import Amendment, Constitution, ExceptionDocument
from platformkit_pipeline.model.repository.log_statements import PrintingFile
from platformkit_pipeline.model.repository.manifests import Manifest
from platformkit_pipeline.model.repository.secrets import ClientKey, EnvironmentFile, Secret, SecretHook, Unsearched
from platformkit_pipeline.model.repository.specs import SpecBundle
from platformkit_pipeline.model.repository.suppressions import Suppression
from platformkit_pipeline.model.repository.tree import Head, Tag, TreeFile
from platformkit_pipeline.model.repository.versions import Changelog, VersionSource
from platformkit_pipeline.model.repository.workflows import Workflow, WorkflowWeakness
from platformkit_pipeline.model.snapshot import Unobserved


@dataclass(frozen=True, slots=True)
class RepositorySnapshot:
    """All tuples are sorted. `what` of an unobserved thing is a `RepositoryFacet` where a whole facet is missing."""

    head: Head
    declarations: RepositoryDeclarations = NOTHING_DECLARED
    files: tuple[TreeFile, ...] = ()
    tags: tuple[Tag, ...] = ()
    agent_documents: tuple[AgentDocument, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    workflow_weaknesses: tuple[WorkflowWeakness, ...] = ()
    declared_commands: tuple[DeclaredCommand, ...] = ()
    other_automation: tuple[OtherAutomation, ...] = ()
    codeowners: Codeowners | None = None
    """None only where it was not looked for."""
    github: GithubSettings | None = None
    """None where GitHub was not asked, or did not answer."""
    diagrams: tuple[Diagram, ...] = ()
    secrets: tuple[Secret, ...] = ()
    unsearched: tuple[Unsearched, ...] = ()
    client_keys: tuple[ClientKey, ...] = ()
    environment_files: tuple[EnvironmentFile, ...] = ()
    secret_hooks: tuple[SecretHook, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    versions: tuple[VersionSource, ...] = ()
    changelogs: tuple[Changelog, ...] = ()
    printing_files: tuple[PrintingFile, ...] = ()
    agent_document_pairs: tuple[AgentDocumentPair, ...] = ()
    change: Change | None = None
    """What it brings beside a base that somebody named."""
    spec_bundles: tuple[SpecBundle, ...] = ()
    organisation_readme: OrganisationReadme | None = None
    exceptions: tuple[ExceptionDocument, ...] = ()
    constitutions: tuple[Constitution, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    unobserved: tuple[Unobserved, ...] = field(default=())

    def observed(self, facet: RepositoryFacet) -> bool:
        """False when that facet is missing as a whole."""
        return all(u.what != facet.value for u in self.unobserved)

    def why_unobserved(self, facet: RepositoryFacet) -> str:
        """The reasons, joined; empty when it was observed."""
        return "; ".join(u.why for u in self.unobserved if u.what == facet.value)
