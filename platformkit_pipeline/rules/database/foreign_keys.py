"""Foreign keys: clauses 5.2 and 6.2."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from platformkit_pipeline.model.identity import ObjectIdentity, member_identity
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Column, Constraint, ConstraintType, Index, Relation, RelationKind
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule
from platformkit_pipeline.sqltext.predicates import columns_required_not_null

_PREFIX_METHODS = frozenset({"btree"})
_SINGLE_COLUMN_METHODS = frozenset({"btree", "hash"})


@rule(
    "FKY001",
    "soft-foreign-key",
    clause="5.2",
    severity=Severity.MEDIUM,
    family=Family.FOREIGN_KEYS,
    title="Column names another table's key without a foreign key",
    why="Nothing keeps the reference true: rows point at what was deleted, and nobody notices until a join loses them.",
    how_to_fix="Add the foreign key as NOT VALID, mend the orphans, then validate it; give it an explicit ON DELETE and an index.",
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.CONSTRAINTS),
    violating="create table public.orders (id uuid primary key, customer_id uuid not null);",
    clean="""
create table public.orders (id uuid primary key,
  customer_id uuid not null references public.customers (id) on delete restrict);
""",
)
def soft_foreign_key(catalog: Catalog) -> Verdicts:
    keys = _referable_keys(catalog)
    for table in catalog.root_tables:
        constrained = {name for key in catalog.foreign_keys_of(table) for name in key.columns}
        own = {name for c in catalog.constraints_of(table) if c.type is ConstraintType.PRIMARY_KEY for name in c.columns}
        for column in catalog.columns_of(table):
            stem = _reference_stem(column.name)
            if stem is None or column.generated:
                continue
            candidates = [k for k in keys.get(stem, ()) if k.type == column.type and not _is_own_key(k, table, column, own)]
            if not candidates:
                continue
            identity = member_identity("column", table.schema, table.name, column.name)
            if column.name in constrained:
                yield PASSED
            else:
                chosen = min(candidates, key=lambda k: (k.schema != table.schema, k.schema, k.relation))
                yield failed(
                    identity,
                    f"{identity} names the key of {chosen.schema}.{chosen.relation} ({chosen.name}) and has no foreign key",
                    references=f"{chosen.schema}.{chosen.relation}.{chosen.name}",
                    type=column.type,
                )


@rule(
    "FKY002",
    "cascade-not-explicit",
    clause="5.2",
    severity=Severity.MEDIUM,
    family=Family.FOREIGN_KEYS,
    title="Foreign key without an explicit ON DELETE",
    why="The default, NO ACTION, is indistinguishable from not having thought about it; deletes then fail in production.",
    how_to_fix="Recreate the constraint with ON DELETE CASCADE, SET NULL or RESTRICT, whichever is meant.",
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS),
    violating="alter table public.orders add foreign key (customer_id) references public.customers (id);",
    clean="alter table public.orders add foreign key (customer_id) references public.customers (id) on delete restrict;",
)
def cascade_not_explicit(catalog: Catalog) -> Verdicts:
    for key in _foreign_keys(catalog):
        identity = _identity(key)
        if key.on_delete == "NO ACTION":
            yield failed(identity, f"{identity} leaves ON DELETE at its default, NO ACTION", definition=key.definition)
        else:
            yield PASSED


@rule(
    "FKY003",
    "foreign-key-not-indexed",
    clause="6.2",
    severity=Severity.MEDIUM,
    family=Family.FOREIGN_KEYS,
    title="Foreign key without an index",
    why="Every delete or key change on the referenced table scans the whole referencing table, holding locks while it does.",
    how_to_fix="`create index concurrently on ... (<columns of the key>)`.",
    references=("splinter:unindexed_foreign_keys",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS, CatalogKind.INDEXES),
    violating="alter table public.orders add foreign key (customer_id) references public.customers (id) on delete restrict;",
    clean="create index orders_customer_id_idx on public.orders (customer_id);",
    revision=2,
)
def foreign_key_not_indexed(catalog: Catalog) -> Verdicts:
    for key in _foreign_keys(catalog):
        identity = _identity(key)
        table = catalog.relations[(key.schema, key.relation)]
        if any(index_serves(index, key.columns) for index in catalog.indexes_of(table)):
            yield PASSED
        else:
            statistics = catalog.statistics.get((key.schema, key.relation))
            yield failed(
                identity,
                f"no index of {key.schema}.{key.relation} begins with {', '.join(key.columns)}",
                columns=list(key.columns),
                estimated_rows=statistics.estimated_rows if statistics else None,
                definition=key.definition,
            )


def index_serves(index: Index, columns: tuple[str, ...]) -> bool:
    """The index finds the rows of one key value: its leading columns are the key's, in any order.

    A partial index serves only when its predicate asks no more than that key columns are not null, which a look-up implies.
    """
    if not index.valid:
        return False
    methods = _SINGLE_COLUMN_METHODS if len(columns) == 1 else _PREFIX_METHODS
    if index.method not in methods or set(index.key_columns[: len(columns)]) != set(columns):
        return False
    return index.predicate is None or columns_required_not_null(index.predicate) <= set(columns)


def _foreign_keys(catalog: Catalog) -> Iterator[Constraint]:
    for table in catalog.tables:  # a partition may have foreign keys of its own; those of its parent are left out
        yield from catalog.foreign_keys_of(table)


def _identity(constraint: Constraint) -> ObjectIdentity:
    return member_identity("constraint", constraint.schema, constraint.relation, constraint.name)


# -- which columns look like references -------------------------------------------------------------------------------
def _referable_keys(catalog: Catalog) -> dict[str, list[Column]]:
    """Folded table name, singular and plural, → key columns of such tables: the project's own, and `auth.users`."""
    found: dict[str, list[Column]] = {}
    for relation in catalog.snapshot.relations:
        if relation.kind not in (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE) or relation.is_partition or relation.extension:
            continue
        if is_managed(relation.schema) and (relation.schema, relation.name) != ("auth", "users"):
            continue
        for column in _single_column_keys(catalog, relation):
            for form in _forms(relation.name):
                found.setdefault(form, []).append(column)
    return found


def _single_column_keys(catalog: Catalog, relation: Relation) -> list[Column]:
    """Columns that are a primary or unique key on their own; a tenant column beside them does not count."""
    tenant = catalog.declarations.tenancy.column
    names = set()
    for constraint in catalog.constraints_of(relation):
        if constraint.type in (ConstraintType.PRIMARY_KEY, ConstraintType.UNIQUE):
            rest = [c for c in constraint.columns if c != tenant] or list(constraint.columns)
            if len(rest) == 1:
                names.add(rest[0])
    return [c for c in catalog.columns_of(relation) if c.name in names]


def _is_own_key(key: Column, table: Relation, column: Column, own: set[str]) -> bool:
    """`customers.customer_id` is the key itself, not a reference to it."""
    return (key.schema, key.relation) == (table.schema, table.name) and (key.name == column.name or column.name in own)


@cache
def _reference_stem(column: str) -> str | None:
    """`customer_id`, `customerId`, `customerID` → `customer`; None for other names."""
    for suffix in ("_id", "Id", "ID"):
        if column.endswith(suffix) and len(column) > len(suffix):
            return _fold(column[: -len(suffix)])
    return None


@cache
def _forms(table: str) -> frozenset[str]:
    """The folded name as it stands, and its singular where it looks like an English plural."""
    name = _fold(table)
    forms = {name}
    if name.endswith("ies") and len(name) > 4:
        forms.add(name[:-3] + "y")
    if name.endswith(("ses", "xes", "zes", "ches", "shes")):
        forms.add(name[:-2])
    if name.endswith("s") and not name.endswith("ss"):
        forms.add(name[:-1])
    if name == "people":
        forms.add("person")
    return frozenset(forms)


def _fold(name: str) -> str:
    return name.replace("_", "").lower()
