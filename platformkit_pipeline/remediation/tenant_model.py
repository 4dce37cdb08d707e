"""Whether the tenant model gives a condition for the rows of a table, and which one (clause 5.1)."""

from __future__ import annotations

from functools import lru_cache

from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.sqltext.expression_facts import Path, facts_of
from platformkit_pipeline.sqltext.identifiers import identifier, literal
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_IN_APP_METADATA = "app_metadata"


def tenant_condition(catalog: Catalog, table: Relation) -> str | None:
    """`tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid` in the project's own names; None where `why_not` says why."""
    if why_not(catalog, table):
        return None
    tenancy = catalog.declarations.tenancy
    below = f" -> {literal(_IN_APP_METADATA)}" if _claim_is_in_app_metadata(catalog) else ""
    return f"{identifier(tenancy.column)} = ((select auth.jwt()){below} ->> {literal(tenancy.claim)})::uuid"


def why_not(catalog: Catalog, table: Relation) -> str | None:
    """Why the tenant model gives no condition; None when it gives one."""
    tenancy = catalog.declarations.tenancy
    column = catalog.column(table, tenancy.column)
    if tenancy.not_applicable_reason or directive_in(table.comment, Directive.NOT_TENANT_SCOPED):
        return "the table is declared to be outside the tenant model"
    if directive_in(table.comment, Directive.PUBLIC_READ):
        return "the table is declared to be readable by everybody"
    if column is None:
        return f"it has no column {tenancy.column}"
    if column.type != "uuid":
        return f"its column {tenancy.column} is {column.type}, not uuid"
    if "authenticated" not in catalog.client_roles or not catalog.functions_named("jwt", "auth"):
        return "the database has no auth.jwt() to read the claim from"
    if (table.schema, table.name) in {catalog.declared(name) for name in tenancy.membership_tables}:
        return "it maps users to tenants: whether somebody sees all own memberships or those of one tenant is not in the tenant model"
    if tenancy.membership_tables and not _paths_read(catalog) & {(tenancy.claim,), (_IN_APP_METADATA, tenancy.claim)}:
        return f"its users are told apart by membership tables, and no policy relies on a claim {tenancy.claim} in their tokens"
    return None


def _claim_is_in_app_metadata(catalog: Catalog) -> bool:
    """The project's policies read it there, and none reads it at the top of the token."""
    claim, read = catalog.declarations.tenancy.claim, _paths_read(catalog)
    return (_IN_APP_METADATA, claim) in read and (claim,) not in read


@lru_cache(maxsize=1)
def _paths_read(catalog: Catalog) -> frozenset[Path]:
    """Paths below the token that the project's policies read."""
    found: set[Path] = set()
    for _, policy in catalog.project_policies:
        for text in (policy.using, policy.with_check):
            try:
                found |= facts_of(text).claims if text is not None else frozenset()
            except SqlSyntaxError:
                continue
    return frozenset(found)
