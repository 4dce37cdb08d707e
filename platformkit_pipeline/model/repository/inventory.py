"""A repository's snapshot as inventory objects and back, so that what was observed can be stored and judged from the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.inventory import InventoryObject, inventory_object
from platformkit_pipeline.model.record_json import from_json, to_json
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


@dataclass(frozen=True, slots=True)
class _Noun:
    """`field` of the snapshot holds records of one type, or (`single`) one record. `name` tells them apart within their kind."""

    kind: str
    field: str
    record: type[Any]
    name: Callable[[Any], str]
    single: bool = False


_NOUNS: tuple[_Noun, ...] = (
    _Noun("head", "head", Head, lambda _: "HEAD", single=True),
    _Noun("declarations", "declarations", RepositoryDeclarations, lambda _: ".platformkit.yaml", single=True),
    _Noun("file", "files", TreeFile, lambda r: r.path),
    _Noun("tag", "tags", Tag, lambda r: r.name),
    _Noun("workflow", "workflows", Workflow, lambda r: r.path),
    _Noun("workflow_weakness", "workflow_weaknesses", WorkflowWeakness, lambda r: f"{r.path} {r.audit} {r.where} {r.number}"),
    _Noun("declared_command", "declared_commands", DeclaredCommand, lambda r: r.command),
    _Noun("other_automation", "other_automation", OtherAutomation, lambda r: r.path),
    _Noun("codeowners", "codeowners", Codeowners, lambda _: "CODEOWNERS", single=True),
    _Noun("github_settings", "github", GithubSettings, lambda _: "GitHub", single=True),
    _Noun("agent_document", "agent_documents", AgentDocument, lambda r: r.path),
    _Noun("diagram", "diagrams", Diagram, lambda r: r.path),
    _Noun("secret", "secrets", Secret, lambda r: r.identity),
    _Noun("client_key", "client_keys", ClientKey, lambda r: f"{r.path} [{r.name}]"),
    _Noun("environment_file", "environment_files", EnvironmentFile, lambda r: r.path),
    _Noun("secret_hook", "secret_hooks", SecretHook, lambda r: f"{r.path} [{r.tool}]"),
    _Noun("suppression", "suppressions", Suppression, lambda r: f"{r.path} [{r.tool}, {r.ordinal:05}]"),
    _Noun("unsearched", "unsearched", Unsearched, lambda r: f"{r.path} [{'tree' if r.in_tree else 'history'}]"),
    _Noun("manifest", "manifests", Manifest, lambda r: r.path),
    _Noun("version", "versions", VersionSource, lambda r: r.path),
    _Noun("changelog", "changelogs", Changelog, lambda r: r.path),
    _Noun("printing_file", "printing_files", PrintingFile, lambda r: r.path),
    _Noun("agent_document_pair", "agent_document_pairs", AgentDocumentPair, lambda r: f"{r.first} {r.second}"),
    _Noun("change", "change", Change, lambda _: "change", single=True),
    _Noun("spec_bundle", "spec_bundles", SpecBundle, lambda r: r.project),
    _Noun("organisation_readme", "organisation_readme", OrganisationReadme, lambda r: r.path, single=True),
    _Noun("exception_document", "exceptions", ExceptionDocument, lambda r: r.path),
    _Noun("constitution", "constitutions", Constitution, lambda r: r.path),
    _Noun("amendment", "amendments", Amendment, lambda r: r.path),
)
_NOUN_OF_KIND = {noun.kind: noun for noun in _NOUNS}


def inventory_of(snapshot: RepositorySnapshot) -> tuple[InventoryObject, ...]:
    """One object per record. Names are unique within their kind."""
    return tuple(_encoded(noun, record) for noun in _NOUNS for record in _records(noun, snapshot))


def snapshot_of(objects: Iterable[InventoryObject], unobserved: Iterable[Unobserved] = ()) -> RepositorySnapshot:
    """The snapshot that `objects`, in any order, came from. Raises ValueError for a kind or field that this version does not know."""
    collected: dict[str, list[tuple[str, Any]]] = {noun.field: [] for noun in _NOUNS}
    for stored in objects:
        noun = _NOUN_OF_KIND.get(stored.kind)
        if noun is None:
            raise ValueError(f"inventory holds an object of the unknown kind {stored.kind!r} ({stored.identity})")
        collected[noun.field].append((stored.identity, from_json(noun.record, json.loads(stored.payload))))
    fields: dict[str, Any] = {}
    for noun in _NOUNS:
        records = [record for _, record in sorted(collected[noun.field], key=lambda named: named[0])]
        if not noun.single:
            fields[noun.field] = tuple(sorted(records, key=noun.name))
        elif records:
            fields[noun.field] = records[0]
    return RepositorySnapshot(**fields, unobserved=tuple(sorted(unobserved)))


def _records(noun: _Noun, snapshot: RepositorySnapshot) -> Iterable[Any]:
    value = getattr(snapshot, noun.field)
    if not noun.single:
        return value  # type: ignore[no-any-return]  # a tuple, as the table above says
    return () if value is None else (value,)


def _encoded(noun: _Noun, record: Any) -> InventoryObject:
    return inventory_object(noun.kind, str(ObjectIdentity(noun.kind, None, noun.name(record))), to_json(record))
