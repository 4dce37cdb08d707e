"""Foreign keys: clauses 5.2 and 6.2."""

from __future__ import annotations

from functools import cache

from platformkit_pipeline.model.identity import ObjectIdentity, member_identity
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Column, Constraint, ConstraintType, Index, Relation
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
    violating="alter table public.orders add column user_id uuid;",
    clean="""
alter table public.orders add column user_id uuid references auth.users (id) on delete set null;
create index orders_user_id_idx on public.orders (user_id);
""",
)
def soft_foreign_key(catalog: Catalog) -> Verdicts:
    keys = _referable_keys(catalog)
    stems = {name: stem for name in catalog.names_of_columns if (stem := _reference_stem(name)) in keys}
    constrained = {(key.schema, key.relation, name) for key in catalog.foreign_keys for name in key.columns}
    for table in catalog.root_tables:
        for column in catalog.columns_of(table):
            stem = stems.get(column.name)
            if stem is None or column.generated:
                continue
            meant = (k for k in keys[stem] if k.type == column.type and not _is_own_key(catalog, k, table, column))
            if (column.schema, column.relation, column.name) in constrained:
                if next(meant, None) is not None:
                    yield PASSED
            elif candidates := list(meant):
                identity = member_identity("column", table.schema, table.name, column.name)
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
    how_to_fix=(
        "Recreate the constraint with ON DELETE CASCADE, SET NULL or RESTRICT, whichever is meant. A patch says RESTRICT, where that is "
        "what happens today."
    ),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS),
    violating="""
alter table public.orders add column user_id uuid references auth.users (id);
create index orders_user_id_idx on public.orders (user_id);
""",
    clean="""
alter table public.orders add column user_id uuid references auth.users (id) on delete set null;
create index orders_user_id_idx on public.orders (user_id);
""",
)
def cascade_not_explicit(catalog: Catalog) -> Verdicts:
    for key in catalog.foreign_keys:
        if key.on_delete == "NO ACTION":
            identity = _identity(key)
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
    violating="alter table public.orders add column user_id uuid references auth.users (id) on delete set null;",
    clean="""
alter table public.orders add column user_id uuid references auth.users (id) on delete set null;
create index orders_user_id_idx on public.orders (user_id);
""",
    revision=2,
)
def foreign_key_not_indexed(catalog: Catalog) -> Verdicts:
    for key in catalog.foreign_keys:
        for index in catalog.indexes_of(catalog.relations[(key.schema, key.relation)]):
            if index_serves(index, key.columns):
                yield PASSED
                break
        else:
            statistics = catalog.statistics.get((key.schema, key.relation))
            yield failed(
                _identity(key),
                f"no index of {key.schema}.{key.relation} begins with {', '.join(key.columns)}",
                columns=list(key.columns),
                estimated_rows=statistics.estimated_rows if statistics else None,
                definition=key.definition,
            )


@rule(
    "FKY004",
    "foreign-key-not-validated",
    clause="5.2",
    severity=Severity.MEDIUM,
    family=Family.FOREIGN_KEYS,
    title="Foreign key that is not validated or not enforced",
    why=(
        "NOT VALID means that the rows which were there before were never checked, NOT ENFORCED that no row is: "
        "orphans may exist, and the planner trusts neither."
    ),
    how_to_fix=(
        "Mend the orphans, then `alter table ... validate constraint ...`; "
        "a constraint that is not enforced needs `alter table ... alter constraint ... enforced` (PostgreSQL 18) first."
    ),
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS),
    violating="""
alter table public.orders add column user_id uuid;
create index orders_user_id_idx on public.orders (user_id);
alter table public.orders add constraint orders_user
  foreign key (user_id) references auth.users (id) on delete set null not valid;
""",
    clean="""
alter table public.orders add column user_id uuid;
create index orders_user_id_idx on public.orders (user_id);
alter table public.orders add constraint orders_user
  foreign key (user_id) references auth.users (id) on delete set null not valid;
alter table public.orders validate constraint orders_user;
""",
)
def foreign_key_not_validated(catalog: Catalog) -> Verdicts:
    for key in catalog.foreign_keys:
        if key.validated and key.enforced:
            yield PASSED
            continue
        identity = _identity(key)
        if key.enforced:
            message = f"{identity} is NOT VALID: rows that were there before it were never checked"
        else:
            message = f"{identity} is NOT ENFORCED: no row is checked"
        yield failed(identity, message, definition=key.definition)


@rule(
    "FKY005",
    "foreign-key-into-managed-schema",
    clause="5.2",
    severity=Severity.HIGH,
    family=Family.FOREIGN_KEYS,
    title="Foreign key to something else than the primary key of a managed table",
    why=(
        "The platform promises its primary keys and nothing more: an upgrade that changes another unique key of its tables "
        "fails, or takes the foreign key away."
    ),
    how_to_fix="Refer to the primary key (`auth.users (id)`); keep a copy of the other value if it is needed, and fill it by a trigger.",
    references=("splinter:fkey_to_auth_unique",),
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS),
    violating="""
alter table public.orders add column phone text references auth.users (phone) on delete set null;
create index orders_phone_idx on public.orders (phone);
""",
    clean="""
alter table public.orders add column user_id uuid references auth.users (id) on delete set null;
create index orders_user_id_idx on public.orders (user_id);
""",
)
def foreign_key_into_managed_schema(catalog: Catalog) -> Verdicts:
    for key in catalog.foreign_keys:
        schema, relation = key.referenced_schema, key.referenced_relation
        if schema is None or relation is None or not is_managed(schema):
            continue
        primary = catalog.primary_key_of(schema, relation)
        if primary is not None and frozenset(primary.columns) == frozenset(key.referenced_columns):
            yield PASSED
            continue
        identity = _identity(key)
        columns = ", ".join(key.referenced_columns)
        yield failed(
            identity,
            f"{identity} refers to {schema}.{relation} ({columns}), which is not its primary key; the platform may change it",
            references=f"{schema}.{relation}",
            columns=list(key.referenced_columns),
            primary_key=list(primary.columns) if primary else None,
            definition=key.definition,
        )


def index_serves(index: Index, columns: tuple[str, ...]) -> bool:
    """The index finds the rows of one key value: its leading columns are the key's, in any order.

    A partial index serves only when its predicate asks no more than that key columns are not null, which a look-up implies.
    """
    if not index.valid:
        return False
    if index.predicate is None and index.method == "btree" and index.key_columns[: len(columns)] == columns:
        return True  # nearly always
    methods = _SINGLE_COLUMN_METHODS if len(columns) == 1 else _PREFIX_METHODS
    if index.method not in methods or set(index.key_columns[: len(columns)]) != set(columns):
        return False
    return index.predicate is None or columns_required_not_null(index.predicate) <= set(columns)


def _identity(constraint: Constraint) -> ObjectIdentity:
    return member_identity("constraint", constraint.schema, constraint.relation, constraint.name)


# -- which columns look like references -------------------------------------------------------------------------------
def _referable_keys(catalog: Catalog) -> dict[str, list[Column]]:
    """Stem of some column's name → key columns of the tables that it may mean: the project's own, and `auth.users`."""
    stems = {stem for name in catalog.names_of_columns if (stem := _reference_stem(name))}
    meant = {name for stem in stems for name in _names_meant_by(stem)}
    found: dict[str, list[Column]] = {}
    for relation in (*catalog.root_tables, *(r for r in (catalog.relations.get(("auth", "users")),) if r is not None)):
        if _fold(relation.name) not in meant:
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


def _is_own_key(catalog: Catalog, key: Column, table: Relation, column: Column) -> bool:
    """`customers.customer_id` is the key itself, not a reference to it."""
    if (key.schema, key.relation) != (table.schema, table.name):
        return False
    primary = catalog.primary_key_of(table.schema, table.name)
    return key.name == column.name or (primary is not None and column.name in primary.columns)


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


def looks_like_reference(column: str, table: str) -> bool:
    """The column's name tells of a key of the table: `customer_id` of `customers`. What FKY001 goes by, but for types."""
    return _reference_stem(column) in _forms(table)


def _names_meant_by(stem: str) -> tuple[str, ...]:
    """Every folded name that has `stem` among its forms."""
    return (stem, f"{stem}s", f"{stem}es", f"{stem[:-1]}ies", "people")


def _fold(name: str) -> str:
    return name.replace("_", "").lower()
