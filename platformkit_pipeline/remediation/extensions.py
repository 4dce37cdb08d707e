"""Patches for EXT001: move an extension out of public."""

from __future__ import annotations

from platformkit_pipeline.model.identity import extension_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Extension
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
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
    exists = any(s.name == TARGET_SCHEMA for s in catalog.snapshot.schemas)
    create = () if exists else (f"create schema if not exists {TARGET_SCHEMA}", f"grant usage on schema {TARGET_SCHEMA} to public")
    # undone in reverse order: the schema is empty only when the first extension that was moved is back
    drop = () if exists or not _is_first(catalog, extension) else (f"drop schema if exists {TARGET_SCHEMA} restrict",)
    return Change(
        f"Move extension {extension.name} to schema {TARGET_SCHEMA}",
        (*create, f"alter extension {name} set schema {TARGET_SCHEMA}"),
        (f"alter extension {name} set schema public", *drop),
        notes=(
            f"Has to be run by {' and '.join(_owners(catalog, extension))}, or by a superuser.",
            f"Code that calls its functions or operators unqualified needs {TARGET_SCHEMA} in its search_path.",
        ),
    )


def _is_first(catalog: Catalog, extension: Extension) -> bool:
    movable = (e for e in catalog.snapshot.extensions if e.schema == "public" and e.relocatable)
    return extension_identity(extension.name).canonical == min(extension_identity(e.name).canonical for e in movable)


def _owners(catalog: Catalog, extension: Extension) -> list[str]:
    """Owner of the extension and of its functions: a trusted extension belongs to its creator, its members to the superuser."""
    return sorted({extension.owner, *(f.owner for f in catalog.snapshot.functions if f.extension == extension.name)})
