"""Patches for EXT001: move an extension out of public."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.model.identity import extension_identity, schema_identity
from platformkit_pipeline.model.patch import AccessChange, AccessDirection
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Extension
from platformkit_pipeline.remediation.authority import APPLYING_ROLE, may_change
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import object_of
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier

TARGET_SCHEMA = "extensions"


def move_extension(catalog: Catalog, finding: Result) -> Proposal:
    """ALTER EXTENSION ... SET SCHEMA where the extension allows it (clause 2.3)."""
    extension = next(e for e in catalog.snapshot.extensions if e.name == finding.object.name)
    name = identifier(extension.name)
    if not extension.relocatable:
        return ByHand(
            reason=f"extension {extension.name} is not relocatable: moving it means dropping it with everything that depends on it",
            steps=(
                f"List what depends on it: `drop extension {name} restrict` in a transaction that is rolled back names the dependants.",
                f"In a maintenance window: drop extension {name} cascade; create extension {name} schema {TARGET_SCHEMA};",
                "Create the dependants anew and restore their data.",
            ),
        )
    if beyond := [owner for owner in _owners(catalog, extension) if not may_change(catalog, owner)]:
        return _out_of_reach(extension, beyond)
    exists = any(s.name == TARGET_SCHEMA for s in catalog.snapshot.schemas)
    create = () if exists else (f"create schema if not exists {TARGET_SCHEMA}", f"grant usage on schema {TARGET_SCHEMA} to public")
    # undone in reverse order: the schema is empty only when the first extension that was moved is back
    drop = () if exists or not _is_first(catalog, extension) else (f"drop schema if exists {TARGET_SCHEMA} restrict",)
    return Change(
        f"Move extension {extension.name} to schema {TARGET_SCHEMA}",
        (*create, f"alter extension {name} set schema {TARGET_SCHEMA}"),
        (f"alter extension {name} set schema public", *drop),
        notes=(f"Code that calls its functions or operators unqualified needs {TARGET_SCHEMA} in its search_path.",),
        objects=(extension_identity(extension.name).canonical, *_created(exists=exists), *_mentioning(catalog, extension)),
        access=()
        if exists
        else (
            AccessChange(
                schema_identity(TARGET_SCHEMA).canonical, (*catalog.client_roles, "service_role"), ("USAGE",), AccessDirection.EITHER
            ),
        ),
    )


def _out_of_reach(extension: Extension, owners: list[str]) -> ByHand:
    """The members of a trusted extension belong to the superuser, whoever created it."""
    name = identifier(extension.name)
    return ByHand(
        reason=f"extension {extension.name} has members that belong to {' and '.join(owners)}, as which {APPLYING_ROLE} may not act",
        steps=(
            f"Ask the platform's support to run, as a superuser: alter extension {name} set schema {TARGET_SCHEMA};",
            f"Or, where nothing depends on it yet: drop extension {name} restrict; create extension {name} schema {TARGET_SCHEMA};",
            f"Put {TARGET_SCHEMA} into the search_path of code that calls its functions or operators unqualified.",
        ),
    )


def _created(*, exists: bool) -> tuple[str, ...]:
    return () if exists else (schema_identity(TARGET_SCHEMA).canonical,)


def _mentioning(catalog: Catalog, extension: Extension) -> tuple[str, ...]:
    """Objects whose text names the schema of the extension before one of its members, under the name they have before and after."""
    snapshot = catalog.snapshot
    members = {f.name for f in snapshot.functions if f.extension == extension.name}
    members |= {t.name for t in snapshot.types if t.extension == extension.name}
    words = "|".join(re.escape(identifier(name)) for name in sorted(members))
    mention = re.compile(rf"\bpublic\.(?:(?:{words})(?!\w)|\w+_ops\b)|OPERATOR\(public\." if members else r"\bpublic\.\w+_ops\b")
    found: set[str] = set()
    for record in _records(catalog):
        if mention.search(repr(record)):
            name = object_of(record)
            found |= {name, mention.sub(lambda m: m[0].replace("public.", f"{TARGET_SCHEMA}."), name)}
    return tuple(sorted(found))


def _records(catalog: Catalog) -> Iterator[object]:
    s = catalog.snapshot
    for records in (s.relations, s.columns, s.constraints, s.indexes, s.policies, s.functions, s.triggers, s.types):
        yield from (r for r in records if getattr(r, "extension", None) is None)


def _is_first(catalog: Catalog, extension: Extension) -> bool:
    movable = (e for e in catalog.snapshot.extensions if e.schema == "public" and e.relocatable)
    return extension_identity(extension.name).canonical == min(extension_identity(e.name).canonical for e in movable)


def _owners(catalog: Catalog, extension: Extension) -> list[str]:
    """Owner of the extension and of its functions: a trusted extension belongs to its creator, its members to the superuser."""
    return sorted({extension.owner, *(f.owner for f in catalog.snapshot.functions if f.extension == extension.name)})
