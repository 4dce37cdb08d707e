"""The role × operation matrix of a shadow: what each role may do, and what callers really reach in the tables that a patch touches."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.identity import function_identity, relation_identity, schema_identity
from platformkit_pipeline.model.snapshot import Relation, RelationKind, Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.proving.made_rows import TENANTS, USERS, made_rows
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.identifiers import qualified

ROLES = ("anon", "authenticated", "service_role")
_TABLES = (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE)
_VIEWS = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW)
_PATIENCE = "15s"


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One question of the matrix: may `caller` do `operation` with `object`, or which rows does it reach there?"""

    object: str
    """Canonical identity."""
    caller: str
    """A role, or a signed-in caller of one of two tenants."""
    operation: str
    row: str = ""
    """Whose row it is; empty for a privilege."""

    @property
    def role(self) -> str:
        return self.caller.split(" ")[0]

    @property
    def verb(self) -> str:
        return self.operation.split(" ")[0]

    def __str__(self) -> str:
        about = f"{self.operation} on {self.object}"
        return f"{self.caller}: {about}, {self.row}" if self.row else f"{self.caller}: {about}"


Privileges = Mapping[tuple[str, str], str]
"""(canonical identity, role) → the operations that the server lets it do, joined by commas."""

Trials = Mapping[Cell, str]
"""Cell → what came of it: a number of rows, `denied`, `error <SQLSTATE>`."""


@dataclass(frozen=True, slots=True)
class Access:
    """The role × operation matrix at one moment: all privileges, and trials in the relations that are of interest."""

    privileges: Privileges
    trials: Trials


def differences(before: Access, after: Access) -> Iterator[tuple[Cell, str | None, str | None]]:
    """Cells whose answers differ, with both, in order; None for a privilege that is not there."""
    found: list[tuple[Cell, str | None, str | None]] = []
    for key in before.privileges.keys() | after.privileges.keys():
        old, new = before.privileges.get(key, ""), after.privileges.get(key, "")
        if old != new:
            had, has = set(filter(None, old.split(","))), set(filter(None, new.split(",")))
            found += [(Cell(*key, operation), "yes", None) for operation in had - has]
            found += [(Cell(*key, operation), None, "yes") for operation in has - had]
    for cell in before.trials.keys() | after.trials.keys():
        if (old_answer := before.trials.get(cell)) != (new_answer := after.trials.get(cell)):
            found.append((cell, old_answer, new_answer))
    yield from sorted(found, key=lambda difference: difference[0])


UNTRIED = "untried"
"""How answers begin that are none."""


def rank(answer: str | None) -> int:
    """Orders answers from the narrowest to the widest."""
    match answer:
        case None | "denied":
            return 0
        case "yes":
            return 1
    return 1 + int(answer) if answer.isdecimal() else 0


def privileges(dsn: Dsn, snapshot: Snapshot) -> Privileges:
    """What the server says each role may do, for all objects; one query. `dsn` leads to the shadow as its superuser."""
    names = {(r.schema, r.name): identity_of(r).canonical for r in snapshot.relations}
    roles = [r.name for r in snapshot.roles if r.name in ROLES]
    found: dict[tuple[str, str], str] = {}
    with connect(dsn) as connection:
        connection.execute("set search_path = pg_catalog")
        for kind, schema, name, arguments, role, operations in connection.execute(
            read_sql("sandbox/proof/privileges.sql"), {"roles": roles}
        ):
            match kind:
                case "relation":
                    about = names.get((schema, name)) or relation_identity("relation", schema, name).canonical
                case "function":
                    about = function_identity(schema, name, arguments).canonical
                case _:
                    about = schema_identity(name).canonical
            found[about, role] = operations
    return found


def trials(dsn: Dsn, catalog: Catalog, touched: Iterable[Name]) -> Trials:
    """What callers reach in the touched tables, and in the views that read them, with made-up rows of two tenants.

    `dsn` leads to the shadow as its superuser. Everything is rolled back.
    """
    relations = [r for name in sorted(closure(catalog, touched)) if (r := catalog.relations.get(name)) is not None]
    tables = [r for r in relations if r.kind in _TABLES]
    views = [r for r in relations if r.kind in _VIEWS]
    callers = _callers(catalog)
    if not callers or not (tables or views):
        return {}
    cells: dict[Cell, str] = {}
    with connect(dsn) as connection:
        _install(connection)
        memberships = _membership_tables(catalog)
        for table in tables:
            cells.update(_answers(connection, catalog, table, [m for m in memberships if m != table], callers))
        for view in views:
            cells.update(_answers(connection, catalog, view, [*memberships, *(_tables_behind(catalog, view))], callers))
    return cells


def closure(catalog: Catalog, touched: Iterable[Name]) -> set[Name]:
    """The touched relations and all views that read them, through other views as well."""
    reading: dict[Name, list[Name]] = {}
    for d in catalog.snapshot.view_dependencies:
        reading.setdefault((d.schema, d.relation), []).append((d.view_schema, d.view))
    found, waiting = set(touched), list(touched)
    while waiting:
        for view in reading.get(waiting.pop(), ()):
            if view not in found:
                found.add(view)
                waiting.append(view)
    return found


def _install(connection: psycopg.Connection[Any]) -> None:
    connection.execute(f"set statement_timeout = '{_PATIENCE}'; set lock_timeout = '{_PATIENCE}'".encode())
    connection.execute(read_sql("sandbox/proof/trial.sql").encode())


def _answers(
    connection: psycopg.Connection[Any], catalog: Catalog, relation: Relation, filled: Collection[Relation], callers: list[dict[str, Any]]
) -> Iterator[tuple[Cell, str]]:
    """Trials of one relation, with rows of both tenants in the `filled` tables."""
    about = identity_of(relation).canonical
    name = qualified(relation.schema, relation.name)
    with connection.transaction(force_rollback=True):
        try:
            connection.execute("set local session_replication_role = replica")
            for table in filled:
                _fill(connection, catalog, table)
            rows: list[dict[str, Any]] = [{"label": "all rows", "inserted": made_rows(catalog, relation)[0]}]
            if relation.kind in _TABLES:
                connection.execute("select pg_temp.prepare_for_made_rows(%s::regclass)", [name])
                rows = _labelled(catalog, relation)
            tried = connection.execute(
                "select caller, operation, row_label, outcome from pg_temp.try_access(%s::regclass, %s, %s)",
                [name, json.dumps(rows), json.dumps(callers)],
            ).fetchall()
        except psycopg.Error as error:
            yield Cell(about, "", "", ""), f"{UNTRIED} {error.sqlstate}"
            return
    for caller, operation, label, outcome in tried:
        yield Cell(about, caller or "", operation or "", label), outcome


def _fill(connection: psycopg.Connection[Any], catalog: Catalog, table: Relation) -> None:
    """Rows of both tenants; a table that refuses them stays empty, before the patch as after it."""
    name = qualified(table.schema, table.name)
    for row in made_rows(catalog, table):
        try:
            with connection.transaction():
                connection.execute("select pg_temp.prepare_for_made_rows(%s::regclass)", [name])
                connection.execute("select pg_temp.make_row(%s::regclass, %s)", [name, json.dumps(row)])
        except psycopg.Error:
            return


def _labelled(catalog: Catalog, table: Relation) -> list[dict[str, Any]]:
    """The row of each tenant; that of the first one is also handed over to the second."""
    first, second = made_rows(catalog, table)
    tenant = catalog.declarations.tenancy.column
    moved = {"handed_over": {tenant: second[tenant]}} if tenant in first else {}
    return [{"label": "row of one tenant", "values": first, **moved}, {"label": "row of another tenant", "values": second}]


def _callers(catalog: Catalog) -> list[dict[str, Any]]:
    present = {r.name for r in catalog.snapshot.roles}
    claim = catalog.declarations.tenancy.claim
    callers = []
    for role in (r for r in ROLES if r in present):
        if role != "authenticated":
            callers.append({"label": role, "role": role, "settings": _settings({"role": role})})
            continue
        for label, user, tenant in zip(("of one tenant", "of another tenant"), USERS, TENANTS, strict=True):
            claims = {"role": role, "aud": role, "sub": user, claim: tenant, "app_metadata": {claim: tenant}}
            callers.append({"label": f"{role} {label}", "role": role, "settings": _settings(claims)})
    return callers


def _settings(claims: Mapping[str, Any]) -> dict[str, str]:
    """As the platform's API gateway sets them."""
    return {
        "request.jwt.claims": json.dumps(claims),
        "request.jwt.claim.role": str(claims["role"]),
        "request.jwt.claim.sub": str(claims.get("sub", "")),
    }


def _membership_tables(catalog: Catalog) -> list[Relation]:
    declared = (catalog.relations.get(catalog.declared(name)) for name in catalog.declarations.tenancy.membership_tables)
    return [table for table in declared if table is not None]


def _tables_behind(catalog: Catalog, view: Relation) -> Iterator[Relation]:
    sources: dict[Name, list[Name]] = {}
    for d in catalog.snapshot.view_dependencies:
        sources.setdefault((d.view_schema, d.view), []).append((d.schema, d.relation))
    waiting, seen = [(view.schema, view.name)], set()
    while waiting:
        for name in sources.get(waiting.pop(), ()):
            if name in seen:
                continue
            seen.add(name)
            waiting.append(name)
            relation = catalog.relations.get(name)
            if relation is not None and relation.kind in _TABLES:
                yield relation
