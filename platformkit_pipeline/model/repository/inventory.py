"""A repository's snapshot as inventory objects and back, so that what was observed can be stored and judged from the store."""

from __future__ import annotations

from collections.abc import Iterable

from platformkit_pipeline.model.inventory import InventoryObject
from platformkit_pipeline.model.record_inventory import Noun, decoded, encoded
from platformkit_pipeline.model.repository.change import Change
from platformkit_pipeline.model.repository.checks import DeclaredCommand, OtherAutomation
from platformkit_pipeline.model.repository.codeowners import Codeowners
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.model.repository.documents import AgentDocument, AgentDocumentPair
from platformkit_pipeline.model.repository.generated_readme import OrganisationReadme
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.model.repository.governance import Amendment, Constitution, ExceptionDocument
from platformkit_pipeline.model.repository.log_statements import PrintingFile
from platformkit_pipeline.model.repository.manifests import Manifest
from platformkit_pipeline.model.repository.secrets import ClientKey, EnvironmentFile, Secret, SecretHook, Unsearched
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.specs import SpecBundle
from platformkit_pipeline.model.repository.suppressions import Suppression
from platformkit_pipeline.model.repository.tree import Head, Tag, TreeFile
from platformkit_pipeline.model.repository.versions import Changelog, VersionSource
from platformkit_pipeline.model.repository.workflows import Workflow, WorkflowWeakness
from platformkit_pipeline.model.snapshot import Unobserved

_NOUNS: tuple[Noun, ...] = (
    Noun("head", "head", Head, lambda _: "HEAD", single=True),
    Noun("declarations", "declarations", RepositoryDeclarations, lambda _: ".platformkit.yaml", single=True),
    Noun("file", "files", TreeFile, lambda r: r.path),
    Noun("tag", "tags", Tag, lambda r: r.name),
    Noun("workflow", "workflows", Workflow, lambda r: r.path),
    Noun("workflow_weakness", "workflow_weaknesses", WorkflowWeakness, lambda r: f"{r.path} {r.audit} {r.where} {r.number}"),
    Noun("declared_command", "declared_commands", DeclaredCommand, lambda r: r.command),
    Noun("other_automation", "other_automation", OtherAutomation, lambda r: r.path),
    Noun("codeowners", "codeowners", Codeowners, lambda _: "CODEOWNERS", single=True),
    Noun("github_settings", "github", GithubSettings, lambda _: "GitHub", single=True),
    Noun("agent_document", "agent_documents", AgentDocument, lambda r: r.path),
    Noun("diagram", "diagrams", Diagram, lambda r: r.path),
    Noun("secret", "secrets", Secret, lambda r: r.identity),
    Noun("client_key", "client_keys", ClientKey, lambda r: f"{r.path} [{r.name}]"),
    Noun("environment_file", "environment_files", EnvironmentFile, lambda r: r.path),
    Noun("secret_hook", "secret_hooks", SecretHook, lambda r: f"{r.path} [{r.tool}]"),
    Noun("suppression", "suppressions", Suppression, lambda r: f"{r.path} [{r.tool}, {r.ordinal:05}]"),
    Noun("unsearched", "unsearched", Unsearched, lambda r: f"{r.path} [{'tree' if r.in_tree else 'history'}]"),
    Noun("manifest", "manifests", Manifest, lambda r: r.path),
    Noun("version", "versions", VersionSource, lambda r: r.path),
    Noun("changelog", "changelogs", Changelog, lambda r: r.path),
    Noun("printing_file", "printing_files", PrintingFile, lambda r: r.path),
    Noun("agent_document_pair", "agent_document_pairs", AgentDocumentPair, lambda r: f"{r.first} {r.second}"),
    Noun("change", "change", Change, lambda _: "change", single=True),
    Noun("spec_bundle", "spec_bundles", SpecBundle, lambda r: r.project),
    Noun("organisation_readme", "organisation_readme", OrganisationReadme, lambda r: r.path, single=True),
    Noun("exception_document", "exceptions", ExceptionDocument, lambda r: r.path),
    Noun("constitution", "constitutions", Constitution, lambda r: r.path),
    Noun("amendment", "amendments", Amendment, lambda r: r.path),
)


def inventory_of(snapshot: RepositorySnapshot) -> tuple[InventoryObject, ...]:
    """One object per record. Names are unique within their kind."""
    return encoded(_NOUNS, snapshot)


def snapshot_of(objects: Iterable[InventoryObject], unobserved: Iterable[Unobserved] = ()) -> RepositorySnapshot:
    """The snapshot that `objects`, in any order, came from. Raises ValueError for a kind or field that this version does not know."""
    return RepositorySnapshot(**decoded(_NOUNS, objects), unobserved=tuple(sorted(unobserved)))
