"""Taking privileges from roles, exactly: who loses what, who has to get by name what PUBLIC gave, and the way back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import PUBLIC, Column, Privilege, Relation, Schema
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.ownership import ADMINISTRATOR
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.server_roles import PLATFORM_ROLES
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

TABLE_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
"""All of a relation but MAINTAIN, which 17 added and no snapshot holds: what is not known cannot be given back."""
_NEVER_CALL = frozenset({"authenticator", ADMINISTRATOR, *PLATFORM_ROLES})
"""Roles to which nothing is granted by name: the login of the API, which takes on another role first, and those of the platform."""
MATRIX_ROLES = ("anon", "authenticated", "service_role")


def grantee(role: str) -> str:
    """The role as it stands in GRANT and REVOKE."""
    return "public" if role == PUBLIC else identifier(role)


def listed(roles: Iterable[str]) -> str:
    return ", ".join(grantee(role) for role in roles)


def client_grantees(catalog: Catalog) -> tuple[str, ...]:
    """Whom a revoke from client roles names: PUBLIC first, since what PUBLIC holds they hold."""
    return tuple(dict.fromkeys((PUBLIC, *catalog.client_roles)))


def other_sources(catalog: Catalog, owner: str, granted: Iterable[Privilege], privileges: Collection[str], roles: Collection[str]) -> str:
    """Why some of `roles` would keep one of `privileges` after a revoke from them and PUBLIC by name; empty when none would."""
    holders = {p.grantee for p in granted if p.privilege in privileges}
    for role in roles:
        names = catalog.acts_as(role) - {PUBLIC, *roles}
        if catalog.is_superuser(role):
            return f"{role} is a superuser"
        if owner in catalog.acts_as(role):
            return f"{role} has the rights of the owner, {owner}"
        if through := sorted(holders & names):
            return f"{role} holds it as a member of {', '.join(through)}, whose other members a revoke would meet as well"
        if everywhere := sorted(n for n in names if n in ("pg_read_all_data", "pg_write_all_data")):
            return f"{role} is a member of {', '.join(everywhere)}"
    return ""


def handed_on(granted: Iterable[Privilege], owner: str, privileges: Collection[str], losing: Collection[str]) -> tuple[str, ...]:
    """Roles of `losing` that may have granted one of `privileges` to somebody: then the server refuses to revoke it without CASCADE.

    A snapshot does not hold who granted what. The roles of the Data API get theirs from the owner; a proof tells where it was otherwise.
    """
    entries = [p for p in granted if p.privilege in privileges and p.grantee != owner]
    able = {(p.grantee, p.privilege) for p in entries if p.grantable and p.grantee in losing}
    others = {p.privilege for p in entries if p.grantee not in losing and p.grantee not in MATRIX_ROLES}
    return tuple(sorted({role for role, privilege in able if privilege in others}))


def keepers(catalog: Catalog, owner: str, granted: Collection[Privilege], privilege: str, losing: Collection[str]) -> tuple[str, ...]:
    """Roles that hold `privilege` through PUBLIC or one of `losing` only and are none of them: they get it by name.

    Left out are superusers, the platform's own roles, roles that client roles inherit from, and roles that nobody granted anything
    by name: those do not work with the project.
    """
    sources = {p.grantee for p in granted if p.privilege == privilege}
    if not sources & set(losing):
        return ()
    clients = frozenset().union(*(catalog.acts_as(role) for role in losing))
    at_work = _at_work(catalog)
    found = []
    for role in catalog.snapshot.roles:
        name = role.name
        if name in losing or name in clients or name == owner or role.superuser or name in _NEVER_CALL or name not in at_work:
            continue
        names = catalog.acts_as(name)
        if names & sources & set(losing) and not names & sources - set(losing) and owner not in names:
            found.append(name)
    return tuple(found)


@lru_cache(maxsize=1)
def _at_work(catalog: Catalog) -> frozenset[str]:
    """Roles of the Data API, and those that own or were granted something outside managed schemas."""
    snapshot = catalog.snapshot
    records = (*snapshot.schemas, *snapshot.relations, *snapshot.functions)
    own = [r for r in records if r.extension is None and not is_managed(r.name if isinstance(r, Schema) else r.schema)]
    granted = {p.grantee for privileges in {id(r.privileges): r.privileges for r in own}.values() for p in privileges}
    by_column = {p.grantee for c in snapshot.columns if c.privileges and not is_managed(c.schema) for p in c.privileges}
    roles = {*MATRIX_ROLES, *granted, *by_column, *(r.owner for r in own)}
    return frozenset(r for r in roles if not r.startswith("pg_"))


def role_objects(catalog: Catalog, roles: Iterable[str]) -> tuple[str, ...]:
    """Identities of roles and memberships that enter or leave what counts as the project's when one of `roles` is granted its first
    privilege or loses its last; no patch changes the roles themselves."""
    memberships = catalog.snapshot.role_memberships
    upwards = downwards = frozenset(roles) - {PUBLIC}
    while more := {m.role for m in memberships if m.member in upwards} - upwards:
        upwards |= more
    while more := {m.member for m in memberships if m.role in downwards} - downwards:
        downwards |= more
    met = upwards | downwards
    named = [identity_of(r).canonical for r in catalog.snapshot.roles if r.name in met]
    return (*named, *(identity_of(m).canonical for m in memberships if m.role in met and m.member in met))


@dataclass(frozen=True, slots=True)
class Revocation:
    """`up` takes, `down` gives back what was there; `lost` says which roles of the matrix lose what."""

    up: tuple[str, ...]
    down: tuple[str, ...]
    lost: dict[str, tuple[str, ...]]
    losing: tuple[str, ...]
    kept_by_name: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    """Whose own grants go as well: a revoke on the relation reaches them."""


def revoke_on_relation(
    catalog: Catalog, relation: Relation, privileges: Sequence[str], losing: Sequence[str], *, others_keep: bool = True
) -> Revocation:
    """Take `privileges` on the relation, and on its columns, from `losing`; whoever else had them through PUBLIC keeps them."""
    on = f"on {qualified(relation.schema, relation.name)}"
    wanted = frozenset(privileges)
    staying = {p: keepers(catalog, relation.owner, relation.privileges, p, losing) if others_keep else () for p in privileges}
    columns = [c for c in catalog.columns_of(relation) if c.privileges]
    up = [f"revoke {_words(privileges)} {on} from {listed(losing)}"]
    added = []
    for roles, names in _by_roles(staying):
        up.append(f"grant {_words(names)} {on} to {listed(roles)}")
        added.append(f"revoke {_words(names)} {on} from {listed(roles)}")
    for column in columns if others_keep else ():
        for roles, names in _by_roles(_keeping_by_column(catalog, relation, column, wanted, losing, staying)):
            up.append(f"grant {_on_columns(names, (column.name,))} {on} to {listed(roles)}")
            added.append(f"revoke {_on_columns(names, (column.name,))} {on} from {listed(roles)}")
    # a revoke on the relation reaches its columns, also when it takes back what somebody was given instead of PUBLIC's grant
    met = {*losing, *(role for roles in staying.values() for role in roles)}
    return Revocation(
        up=tuple(up),
        down=(*added, *_grants(relation.privileges, wanted, losing, on), *_column_grants(columns, wanted, met, on)),
        lost=_lost(catalog, relation, columns, wanted, losing),
        losing=tuple(losing),
        kept_by_name=tuple(sorted({r for roles in staying.values() for r in roles})),
        columns=tuple(c for c in columns if any(p.grantee in losing and p.privilege in wanted for p in c.privileges)),
    )


def _keeping_by_column(
    catalog: Catalog,
    relation: Relation,
    column: Column,
    privileges: frozenset[str],
    losing: Sequence[str],
    staying: dict[str, tuple[str, ...]],
) -> dict[str, tuple[str, ...]]:
    """Roles that had the column through PUBLIC alone and do not have the whole relation by name."""
    found: dict[str, tuple[str, ...]] = {}
    for privilege in sorted(privileges & {"SELECT", "INSERT", "UPDATE", "REFERENCES"}):
        by_name = {p.grantee for p in relation.privileges if p.privilege == privilege} - set(losing)
        roles = keepers(catalog, relation.owner, column.privileges, privilege, losing)
        found[privilege] = tuple(r for r in roles if r not in staying[privilege] and not catalog.acts_as(r) & by_name)
    return found


def restored(granted: Iterable[Privilege], privileges: Collection[str], losing: Collection[str], on: str) -> tuple[str, ...]:
    """GRANT statements that give back what `losing` held."""
    return tuple(_grants(granted, privileges, losing, on))


def _grants(granted: Iterable[Privilege], privileges: Collection[str], losing: Collection[str], on: str) -> Iterator[str]:
    held: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for p in granted:
        if p.grantee in losing and p.privilege in privileges:
            held[(p.grantee, p.grantable)].append(p.privilege)
    for (role, grantable), names in sorted(held.items()):
        yield f"grant {_words(names)} {on} to {grantee(role)}{' with grant option' if grantable else ''}"


def _column_grants(columns: Iterable[Column], privileges: Collection[str], losing: Collection[str], on: str) -> Iterator[str]:
    held: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for column in columns:
        for p in column.privileges:
            if p.grantee in losing and p.privilege in privileges:
                held[(p.grantee, p.privilege, p.grantable)].append(column.name)
    for (role, privilege, grantable), names in sorted(held.items()):
        yield f"grant {_on_columns((privilege,), names)} {on} to {grantee(role)}{' with grant option' if grantable else ''}"


def _lost(
    catalog: Catalog, relation: Relation, columns: Sequence[Column], privileges: Collection[str], losing: Collection[str]
) -> dict[str, tuple[str, ...]]:
    by_column = [p for c in columns for p in c.privileges]
    found: dict[str, tuple[str, ...]] = {}
    for role in MATRIX_ROLES:
        if role not in losing:
            continue
        names = catalog.acts_as(role)
        held = {p.privilege for p in (*relation.privileges, *by_column) if p.grantee in names and p.privilege in privileges}
        if held:
            found[role] = tuple(sorted(held))
    return found


def _by_roles(staying: dict[str, tuple[str, ...]]) -> list[tuple[tuple[str, ...], list[str]]]:
    grouped: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for privilege, roles in staying.items():
        if roles:
            grouped[roles].append(privilege)
    return list(grouped.items())


def _words(privileges: Iterable[str]) -> str:
    return ", ".join(p.lower() for p in privileges)


def _on_columns(privileges: Iterable[str], columns: Iterable[str]) -> str:
    names = ", ".join(map(identifier, columns))
    return ", ".join(f"{p.lower()} ({names})" for p in privileges)
