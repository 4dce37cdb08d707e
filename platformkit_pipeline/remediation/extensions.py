"""Patches for EXT001: move an extension out of public."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.model.identity import extension_identity, schema_identity
from platformkit_pipeline.model.patch import AccessChange, AccessDirection
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Extension, Function, Relation, Type
from platformkit_pipeline.model.snapshot_inventory import inventory_of
from platformkit_pipeline.remediation.authority import APPLYING_ROLE, may_change, out_of_reach
from platformkit_pipeline.remediation.functions import signature
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, schemas_in_path

TARGET_SCHEMA = "extensions"
_NAMED = 5
_CALLERS = ("anon", "authenticated", "service_role")
_OPERATORS = r"operator\(public\.|public\.\w+_ops\b"
"""Operators and operator classes, which a snapshot does not list, as definitions name them."""
_NEVER_NAME_ONE = frozenset({"view_dependency", "extension", "role", "role_membership", "schema"})


def move_extension(catalog: Catalog, finding: Result) -> Proposal:
    """ALTER EXTENSION ... SET SCHEMA where the extension and its members allow it (clause 2.3)."""
    extension = next(e for e in catalog.snapshot.extensions if e.name == finding.object.name)
    name = identifier(extension.name)
    move = f"alter extension {name} set schema {TARGET_SCHEMA}"
    if doubt := _doubt(catalog, extension, move):
        return doubt
    exists = any(s.name == TARGET_SCHEMA for s in catalog.snapshot.schemas)
    create = () if exists else (f"create schema if not exists {TARGET_SCHEMA}", f"grant usage on schema {TARGET_SCHEMA} to public")
    # undone in reverse order: the schema is empty only when the first extension that was moved is back
    drop = () if exists or not _is_first(catalog, extension) else (f"drop schema if exists {TARGET_SCHEMA} restrict",)
    changed = _changed(catalog, extension)
    renamed = tuple(name for before, after in changed.items() if before != after for name in (before, after))
    return Change(
        f"Move extension {extension.name} to schema {TARGET_SCHEMA}",
        (*create, move),
        (f"alter extension {name} set schema public", *drop),
        objects=(
            finding.object.canonical,
            *dict.fromkeys((*changed, *renamed)),
            *(() if exists else (schema_identity(TARGET_SCHEMA).canonical,)),
        ),
        access=tuple(_access(renamed, new_schema=not exists)),
        notes=(
            f"Code outside the database that calls its functions or operators unqualified needs {TARGET_SCHEMA} in its search_path; "
            "operators in bodies with a fixed search_path were not looked for.",
        ),
    )


# -- what speaks against it -------------------------------------------------------------------------------------------
def _doubt(catalog: Catalog, extension: Extension, move: str) -> ByHand | None:
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
    if strangers := [owner for owner in _owners(catalog, extension) if not may_change(catalog, owner)]:
        return _out_of_reach(extension, strangers)
    schema = next((s for s in catalog.snapshot.schemas if s.name == TARGET_SCHEMA), None)
    if schema is not None and not may_change(catalog, schema.owner) and not catalog.holds(APPLYING_ROLE, "CREATE", schema.privileges):
        return out_of_reach(schema.owner, f"schema {TARGET_SCHEMA}", f"grant create on schema {TARGET_SCHEMA} to {APPLYING_ROLE}", move)
    if taken := _taken(catalog, extension):
        return ByHand(
            reason=f"schema {TARGET_SCHEMA} has a {taken} already, so extension {extension.name} cannot move there",
            steps=(f"Rename or drop the {taken} in schema {TARGET_SCHEMA} after looking at who uses it, then:", f"{move};"),
        )
    if callers := _calling(catalog, extension):
        more = f" and {len(callers) - _NAMED} more" if len(callers) > _NAMED else ""
        return ByHand(
            reason=f"{', '.join(map(signature, callers[:_NAMED]))}{more} would no longer find what extension {extension.name} brings",
            steps=(
                f"Let them search schema {TARGET_SCHEMA} as well, and name nothing of the extension as public.…; in the same migration:",
                *(_with_extensions(f) for f in callers),
                f"{move};",
            ),
        )
    return None


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


def _members(catalog: Catalog, extension: Extension) -> Iterator[Function | Type | Relation]:
    yield from (f for f in catalog.snapshot.functions if f.extension == extension.name)
    yield from (t for t in catalog.snapshot.types if t.extension == extension.name)
    yield from (r for r in catalog.snapshot.relations if r.extension == extension.name)


def _owners(catalog: Catalog, extension: Extension) -> list[str]:
    """Of the extension and its members: a trusted extension belongs to its creator, its members to the superuser."""
    return sorted({extension.owner, *(m.owner for m in _members(catalog, extension))})


def _taken(catalog: Catalog, extension: Extension) -> str:
    """What stands in the way under the same name."""
    here = {_key(m) for m in _members(catalog, extension)}
    found = sorted(key for r in _named(catalog) if r.schema == TARGET_SCHEMA and (key := _key(r)) in here)
    return " ".join(found[0][:2]) if found else ""


def _named(catalog: Catalog) -> Iterator[Function | Type | Relation]:
    yield from catalog.snapshot.functions
    yield from catalog.snapshot.types
    yield from catalog.snapshot.relations


def _key(record: Function | Type | Relation) -> tuple[str, str, str]:
    match record:
        case Function():
            return ("function", record.name, record.arguments)
        case Type():
            return ("type", record.name, "")
    return ("relation", record.name, "")


def _calling(catalog: Catalog, extension: Extension) -> list[Function]:
    """Functions whose source names a member with the schema that it leaves, or by its bare name under a path without the new one."""
    members = list(_members(catalog, extension))
    functions = "|".join(sorted({re.escape(m.name) for m in members if isinstance(m, Function)}))
    others = "|".join(sorted({re.escape(m.name) for m in members if not isinstance(m, Function)}))
    names = [part for part in (rf'(?:{functions})"?\s*\(' if functions else "", rf"(?:{others})\b" if others else "") if part]
    if not names:
        return []
    qualified_use = re.compile(rf'\bpublic"?\s*\.\s*"?(?:{"|".join(names)})', re.IGNORECASE)
    bare_use = re.compile(rf'(?<![\w.$"])"?(?:{"|".join(names)})', re.IGNORECASE)
    found = []
    for function in catalog.functions:
        if function.sql_body is not None:
            continue  # resolved when it was created
        source = function.body or ""
        path = dict(function.settings).get("search_path")
        loses_sight = path is not None and TARGET_SCHEMA not in schemas_in_path(path)
        if qualified_use.search(source) or (loses_sight and bare_use.search(source)):
            found.append(function)
    return found


def _with_extensions(function: Function) -> str:
    path = dict(function.settings).get("search_path", "pg_catalog, public")
    schemas = [s for s in schemas_in_path(path) if s not in ("pg_temp", TARGET_SCHEMA)]
    return f"alter {signature(function)} set search_path = {', '.join((*map(identifier, schemas), TARGET_SCHEMA, 'pg_temp'))};"


def _is_first(catalog: Catalog, extension: Extension) -> bool:
    movable = [e for e in catalog.snapshot.extensions if e.schema == "public" and _doubt(catalog, e, "") is None]
    return extension_identity(extension.name).canonical == min(extension_identity(e.name).canonical for e in movable)


# -- what changes with it ---------------------------------------------------------------------------------------------
def _changed(catalog: Catalog, extension: Extension) -> dict[str, str]:
    """Objects that name a member, before and after: their texts change, and a function's identity where a member is type of an argument."""
    names = sorted({re.escape(m.name) for m in _members(catalog, extension)}, key=len, reverse=True)
    listed = "|".join(names) or r"(?!)"
    named = re.compile(rf'\bpublic\.\\?"?(?:{listed})\b|{_OPERATORS}', re.IGNORECASE)
    in_arguments = re.compile(rf'(?<=[(, ])public(?=\."?(?:{listed})\b)')
    found: dict[str, str] = {}
    for made in inventory_of(catalog.snapshot):
        if made.kind not in _NEVER_NAME_ONE and named.search(made.payload):
            canonical = f"{made.kind} {made.identity}"
            head, opened, arguments = canonical.partition("(")
            found[canonical] = f"{head}{opened}{in_arguments.sub(TARGET_SCHEMA, opened + arguments)[1:]}" if opened else canonical
    return found


def _access(functions: tuple[str, ...], *, new_schema: bool) -> Iterator[AccessChange]:
    """Functions under their new identity may be called by whom they could be called by under the old one."""
    for canonical in functions:
        yield AccessChange(canonical, _CALLERS, ("EXECUTE",), AccessDirection.EITHER)
    if new_schema:
        yield AccessChange(schema_identity(TARGET_SCHEMA).canonical, _CALLERS, ("USAGE",), AccessDirection.EITHER)
