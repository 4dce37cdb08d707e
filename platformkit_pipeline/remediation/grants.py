"""Revoking privileges so that they can be given back exactly: by grantee, by column, with or without the grant option.

Privileges are always named. ALL would take MAINTAIN (17 and later) along, which snapshots leave out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from platformkit_pipeline.model.snapshot import PUBLIC, Privilege, Relation
from platformkit_pipeline.remediation.scope import object_of, roles_in_sight
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

_ORDER = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "USAGE", "CREATE", "EXECUTE")


@dataclass(frozen=True, slots=True)
class Revocation:
    """What to run, what gives it back, and the objects whose privileges change."""

    up: tuple[str, ...]
    down: tuple[str, ...]
    objects: tuple[str, ...]
    others: tuple[str, ...]
    """Where client roles hold the privileges by other means: names of roles; empty when revoking is enough."""


def revocation(catalog: Catalog, relation: Relation, privileges: Collection[str], grantees: Collection[str]) -> Revocation:
    """Takes `privileges` on a table or view from `grantees`, on the whole of it and on each column."""
    name = qualified(relation.schema, relation.name)
    columns = [c for c in catalog.columns_of(relation) if _held(c.privileges, privileges, grantees)]
    taken = _held(relation.privileges, privileges, grantees)
    listed = ", ".join(p.lower() for p in _ORDER if p in privileges)
    up = (f"revoke {listed} on table {name} from {roles(grantees)}",)
    down = [*grants(taken, f"table {name}")]
    for column in columns:
        down += grants(_held(column.privileges, privileges, grantees), f"table {name}", column.name)
    objects = tuple(object_of(r) for r in (relation, *columns))
    return Revocation(up, tuple(down), (*objects, *roles_in_sight(catalog, grantees, objects)), _others(catalog, relation, grantees))


def _held(held: Iterable[Privilege], privileges: Collection[str], grantees: Collection[str]) -> list[Privilege]:
    return [p for p in held if p.privilege in privileges and p.grantee in grantees]


def _others(catalog: Catalog, relation: Relation, grantees: Collection[str]) -> tuple[str, ...]:
    """Roles that client roles act as and that hold the relation, or own it, besides `grantees`."""
    acted_as = frozenset[str]().union(*(catalog.acts_as(role) for role in catalog.client_roles)) - set(grantees)
    by_column = (p.grantee for c in catalog.columns_of(relation) for p in c.privileges)
    holding = {p.grantee for p in relation.privileges} | set(by_column) | {relation.owner, "pg_read_all_data", "pg_write_all_data"}
    return tuple(sorted(acted_as & holding))


def grants(privileges: Iterable[Privilege], on: str, column: str | None = None) -> list[str]:
    """One statement per grantee and grant option, in a fixed order. `on` is e.g. `table public.orders`."""
    grouped: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for p in privileges:
        grouped[(p.grantee, p.grantable)].append(p.privilege)
    of = "" if column is None else f" ({identifier(column)})"
    statements = []
    for (grantee, able), held in sorted(grouped.items()):
        listed = ", ".join(f"{p.lower()}{of}" for p in _ORDER if p in held)
        statements.append(f"grant {listed} on {on} to {role(grantee)}{' with grant option' if able else ''}")
    return statements


def clients(catalog: Catalog) -> tuple[str, ...]:
    """The grantees by which callers of the Data API get at something: PUBLIC as well as each role by name."""
    return tuple(dict.fromkeys((PUBLIC, *catalog.client_roles)))


def roles(names: Collection[str]) -> str:
    return ", ".join(role(name) for name in names)


def role(name: str) -> str:
    """As it stands in GRANT and REVOKE."""
    return "public" if name == PUBLIC else identifier(name)
