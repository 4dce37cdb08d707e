"""What there is to try: tables and views with a tenant column that client roles hold privileges on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from platformkit_pipeline.model.snapshot import Column, Relation, RelationKind
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, COMMANDS, Catalog
from platformkit_pipeline.rules.database.directives import Directive, directive_in

_VIEWS = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW)


@dataclass(frozen=True, slots=True)
class Door:
    """A relation with rows of tenants. Of views only SELECT is tried: what they write goes through tables, which are tried themselves."""

    table: Relation
    tenant: Column
    commands: dict[str, tuple[str, ...]]
    """Role → commands to try."""

    @property
    def is_view(self) -> bool:
        return self.table.kind in _VIEWS


def doors_of(catalog: Catalog) -> Iterator[Door]:
    """In name order, tables before views."""
    roles = [role for role in CLIENT_ROLES if role in catalog.client_roles]
    views = [view for kind in _VIEWS for view in catalog.relations_of_kind(kind)]
    for relation in (*catalog.tables, *views):
        tenant = catalog.column(relation, catalog.declarations.tenancy.column)
        if tenant is None or not catalog.is_tenant_scoped(relation):
            continue
        public = directive_in(relation.comment, Directive.PUBLIC_READ)
        declined = ("SELECT",) if public and public.reason else ()
        wanted = ("SELECT",) if relation.kind in _VIEWS else COMMANDS
        commands = {role: tuple(c for c in catalog.commands_open_to(role, relation) if c in wanted and c not in declined) for role in roles}
        if any(commands.values()):
            yield Door(relation, tenant, commands)


def writable(catalog: Catalog, table: Relation, role: str, privilege: str) -> list[Column]:
    """Columns that the role may give a value to by INSERT or UPDATE, in their order."""
    names = catalog.acts_as(role)
    wide = table.owner in names or catalog.holds(role, privilege, table.privileges) or catalog.is_superuser(role)
    return [
        c
        for c in catalog.columns_of(table)
        if not c.generated
        and not (c.identity == "always" and privilege == "UPDATE")
        and (wide or catalog.holds(role, privilege, c.privileges))
    ]
