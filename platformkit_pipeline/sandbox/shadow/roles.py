"""Roles, who is a member of which, and the settings that each brings along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.model.snapshot import PUBLIC, Role, RoleMembership, Snapshot
from platformkit_pipeline.sandbox.shadow.parameters import LOADED_AT_LOGIN, assignment
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, statement_for

PLATFORM_SUPERUSER = "supabase_admin"
CUSTOMER = "postgres"
"""As whom the owners of a Supabase project work; elsewhere the usual name of the superuser."""
_NOBODYS = "platformkit_shadow"
_OPTIONS_BY_MEMBERSHIP = 16_00_00
"""Server version from which on INHERIT and SET belong to a membership."""


def bootstrap_role(snapshot: Snapshot) -> str:
    """Name of the superuser that initdb is to make: one that the target has, where its roles are known."""
    superusers = [r.name for r in snapshot.roles if r.superuser and not r.name.startswith("pg_")]
    for name in (PLATFORM_SUPERUSER, CUSTOMER):
        if name in superusers:
            return name
    return superusers[0] if superusers else _NOBODYS


def owner_role(snapshot: Snapshot, superuser: str) -> str:
    """As whom statements of the project's owners are run."""
    return CUSTOMER if any(r.name == CUSTOMER and r.login for r in snapshot.roles) else superuser


def roles(snapshot: Snapshot, superuser: str) -> Iterator[Statement]:
    """Every role of the target's cluster but the predefined ones; where roles were not observed, those that objects name."""
    for role in snapshot.roles:
        if not role.name.startswith("pg_"):
            verb = "alter" if role.name == superuser else "create"
            yield statement_for(role, f"{verb} role {quoted(role.name)} with {_attributes(role, superuser)}")
    if not snapshot.roles:
        for name in sorted(_named(snapshot) - {superuser, PUBLIC}):
            if not name.startswith("pg_"):
                yield statement_for(Role(name), f"create role {quoted(name)}")


def memberships(snapshot: Snapshot, server_version: int) -> Iterator[Statement]:
    for membership in snapshot.role_memberships:
        yield statement_for(
            membership, f"grant {quoted(membership.role)} to {quoted(membership.member)}{_options(membership, server_version)}"
        )


def role_settings(snapshot: Snapshot, superuser: str) -> Iterator[Statement]:
    """For every database of the server: nothing else is on it. We ourselves must be able to log in."""
    ours = {superuser, owner_role(snapshot, superuser)}
    for role in snapshot.roles:
        for name, value in role.settings:
            if name in LOADED_AT_LOGIN and role.name in ours:
                continue
            yield statement_for(role, f"alter role {quoted(role.name)} set {assignment(name, value)}")


def _attributes(role: Role, superuser: str) -> str:
    words = {
        "superuser": role.superuser,
        "inherit": role.inherit,
        "createrole": role.create_role,
        "createdb": role.create_db,
        "login": role.login or role.name == superuser,
        "replication": role.replication,
        "bypassrls": role.bypass_rls,
    }
    return " ".join(word if given else f"no{word}" for word, given in words.items())


def _options(membership: RoleMembership, server_version: int) -> str:
    if server_version < _OPTIONS_BY_MEMBERSHIP:
        return " with admin option" if membership.admin_option else ""
    options = {"admin": membership.admin_option, "inherit": membership.inherit_option, "set": membership.set_option}
    return " with " + ", ".join(f"{name} {str(given).lower()}" for name, given in options.items())


def _named(snapshot: Snapshot) -> set[str]:
    made: tuple[Any, ...] = (*snapshot.schemas, *snapshot.relations, *snapshot.functions)
    owned = (*made, *snapshot.types, *snapshot.event_triggers, *snapshot.publications, *snapshot.foreign_servers)
    granted = (*made, *snapshot.columns, *snapshot.default_privileges)
    named = {record.owner for record in owned}
    named |= {p.grantee for record in granted for p in record.privileges}
    named |= {d.role for d in snapshot.default_privileges}
    return named | {role for policy in snapshot.policies for role in policy.roles}
