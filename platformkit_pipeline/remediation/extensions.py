"""Patches for EXT001: move an extension out of public. What EXT002 asks for is said here as well, for a person."""

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
from platformkit_pipeline.sqltext.identifiers import identifier, schemas_in_path

TARGET_SCHEMA = "extensions"
_NAMED = 5
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


def update_extension(_catalog: Catalog, finding: Result) -> Proposal:
    """EXT002: there is no way back to an older version, so no patch."""
    name = identifier(finding.object.name)
    return ByHand(
        "an update cannot be undone: extensions have no way back to an older version",
        (
            f"Read the release notes between {finding.evidence.get('version')} and {finding.evidence.get('default_version')}.",
            f"On a branch or copy first, as {finding.evidence.get('owner')}: alter extension {name} update;",
            "Run the application's tests there, then the same in production.",
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
    """Of the extension and its members: a trusted extension belongs to its creator, its members to the superuser."""
    return sorted({extension.owner, *(m.owner for m in _members(catalog, extension))})


def _taken(catalog: Catalog, extension: Extension) -> str:
    """What stands in the way under the same name."""
    here = {_key(m) for m in _members(catalog, extension)}
    found = sorted(key for r in named_records(catalog) if r.schema == TARGET_SCHEMA and (key := _key(r)) in here)
    return " ".join(found[0][:2]) if found else ""


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
        source = source_of(function)
        path = dict(function.settings).get("search_path")
        loses_sight = path is not None and TARGET_SCHEMA not in schemas_in_path(path)
        if qualified_use.search(source) or (loses_sight and bare_use.search(source)):
            found.append(function)
    return found


def _with_extensions(function: Function) -> str:
    path = dict(function.settings).get("search_path", "pg_catalog, public")
    schemas = [s for s in schemas_in_path(path) if s not in ("pg_temp", TARGET_SCHEMA)]
    kind = "procedure" if function.kind == "procedure" else "function"
    return f"alter {kind} {signature_of(function)} set search_path = {', '.join((*map(identifier, schemas), TARGET_SCHEMA, 'pg_temp'))};"


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
        yield AccessChange(canonical, MATRIX_ROLES, ("EXECUTE",), AccessDirection.EITHER)
    if new_schema:
        yield AccessChange(schema_identity(TARGET_SCHEMA).canonical, MATRIX_ROLES, ("USAGE",), AccessDirection.EITHER)
