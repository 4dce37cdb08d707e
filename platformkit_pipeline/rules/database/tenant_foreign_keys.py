"""Foreign keys between tables of tenants: clause 5.1. PostgreSQL checks them past row level security."""

from __future__ import annotations

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Constraint, Relation
from platformkit_pipeline.rules.database.catalog import Catalog, Name, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule


@rule(
    "TEN004",
    "tenant-foreign-key-crosses",
    clause="5.1",
    severity=Severity.MEDIUM,
    family=Family.TENANCY,
    title="Foreign key between tenant tables that does not carry the tenant column",
    why=(
        "Foreign keys are checked past row level security. A row of one tenant may then refer to a row of another, and whoever "
        "may insert learns which keys exist there: a good one is accepted, a bad one refused."
    ),
    how_to_fix=(
        "Add `unique (tenant_id, id)` to the referenced table and let the foreign key carry both columns: "
        "`foreign key (tenant_id, x_id) references ... (tenant_id, id)`. A reference that may be missing leaves x_id NULL "
        "(PostgreSQL then checks nothing) and says `on delete set null (x_id)`, so that the tenant column stays."
    ),
    references=("cwe:639",),
    requires=(
        CatalogKind.RELATIONS,
        CatalogKind.COLUMNS,
        CatalogKind.CONSTRAINTS,
        CatalogKind.ROLES,
        CatalogKind.ROLE_MEMBERSHIPS,
        CatalogKind.SCHEMAS,
    ),
    violating="""
alter table public.orders add column follows_id uuid references public.orders (id) on delete restrict;
create index orders_follows_idx on public.orders (follows_id);
""",
    clean="""
alter table public.orders add unique (tenant_id, id);
drop index public.orders_tenant_id_idx; -- the unique key begins with the same column
alter table public.orders add column follows_id uuid;
alter table public.orders add foreign key (tenant_id, follows_id) references public.orders (tenant_id, id) on delete restrict;
create index orders_follows_idx on public.orders (tenant_id, follows_id);
""",
)
def tenant_foreign_key_crosses(catalog: Catalog) -> Verdicts:
    tenant = catalog.declarations.tenancy.column
    if catalog.declarations.tenancy.not_applicable_reason:
        return
    scoped: dict[Name, bool] = {}

    def is_scoped(name: Name) -> bool:
        answer = scoped.get(name)
        if answer is None:
            table = catalog.relations.get(name)
            answer = scoped[name] = table is not None and catalog.is_tenant_scoped(table)
        return answer

    for key in catalog.foreign_keys:
        referenced = (key.referenced_schema or "", key.referenced_relation or "")
        if not (is_scoped(referenced) and is_scoped((key.schema, key.relation))):
            continue
        table = catalog.relations[(key.schema, key.relation)]
        if _carries(key, tenant) or _carried_by_another(catalog, table, key, tenant):
            yield PASSED
            continue
        identity = member_identity("constraint", key.schema, key.relation, key.name)
        target = identity_of(catalog.relations[referenced])
        yield failed(
            identity,
            f"{identity} does not carry {tenant}: a row may refer to a row of {target} that belongs to another tenant, "
            "and an insert tells whether that row exists",
            columns=list(key.columns),
            references=str(target),
            referenced_columns=list(key.referenced_columns),
            reachable_by=catalog.reach(table),
            definition=key.definition,
        )


def _carries(key: Constraint, tenant: str) -> bool:
    """The tenant column of the row is compared with that of the row it refers to."""
    return (tenant, tenant) in zip(key.columns, key.referenced_columns, strict=True)


def _carried_by_another(catalog: Catalog, table: Relation, key: Constraint, tenant: str) -> bool:
    """A second, wider foreign key over the same columns to the same table holds the tenants together."""
    return any(
        other.enforced
        and (other.referenced_schema, other.referenced_relation) == (key.referenced_schema, key.referenced_relation)
        and _carries(other, tenant)
        and set(key.columns) <= set(other.columns)
        for other in catalog.foreign_keys_of(table)
    )
