"""Indexes as the catalogue has them: clause 6.2. What statements would need is judged from statistics, elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from platformkit_pipeline.model.identity import ObjectIdentity, member_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Index, Relation, RelationKind
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.database.foreign_keys import index_serves
from platformkit_pipeline.rules.registry import PASSED, Family, Passes, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.index_definitions import read_index_definition
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.policy_columns import columns_compared_with_the_caller


@rule(
    "IDX001",
    "policy-column-not-indexed",
    clause="6.2",
    severity=Severity.MEDIUM,
    family=Family.INDEXES,
    title="Column that policies compare with the caller has no index",
    why="Each query of each caller reads the whole table to find the rows that the policy lets through, and gets slower with every tenant.",
    how_to_fix=(
        "`create index concurrently on ... (<column>)`. An index that begins with the column serves as well; where the column is a "
        "foreign key without an index (FKY003), one index mends both."
    ),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.POLICIES, CatalogKind.INDEXES),
    violating="""
alter table public.orders add column seller uuid not null;
create policy own_orders on public.orders as restrictive for delete to authenticated using (seller = (select auth.uid()));
""",
    clean="""
alter table public.orders add column seller uuid not null;
create policy own_orders on public.orders as restrictive for delete to authenticated using (seller = (select auth.uid()));
create index orders_seller_idx on public.orders (seller);
""",
)
def policy_column_not_indexed(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        try:
            missing = policy_columns_without_index(catalog, table)
        except SqlSyntaxError as error:
            yield unknown(identity_of(table), f"a policy of {identity_of(table)} cannot be read: {error}")
            continue
        if missing is None:
            continue
        if not missing:
            yield PASSED
            continue
        identity = identity_of(table)
        statistics = catalog.statistics.get((table.schema, table.name))
        yield failed(
            identity,
            f"no index of {identity} begins with {' or with '.join(missing)}, which its policies compare with the caller",
            columns=list(missing),
            policies={p.name: p.using for p in catalog.policies_of(table) if p.using is not None},
            estimated_rows=statistics.estimated_rows if statistics else None,
        )


def policy_columns_without_index(catalog: Catalog, table: Relation) -> tuple[str, ...] | None:
    """Columns that policies in force compare with the caller and with which no index begins, in name order.

    None when there is no such comparison. Raises SqlSyntaxError when a policy cannot be read.
    """
    if not table.row_security or not catalog.policies_of(table):
        return None
    wanted = _compared_columns(catalog, table)
    if not wanted:
        return None
    indexes = catalog.indexes_of(table)
    if wanted <= {i.key_columns[0] for i in indexes if i.valid and i.predicate is None and i.method == "btree"}:
        return ()  # nearly always
    wanted &= catalog.columns_by_name(table).keys()
    if table.is_partition:
        wanted -= _compared_columns_above(catalog, table)  # an index of the parent comes down to its partitions
    if not wanted:
        return None
    return tuple(column for column in sorted(wanted) if not any(index_serves(index, (column,)) for index in indexes))


def _compared_columns(catalog: Catalog, table: Relation) -> frozenset[str]:
    """USING conditions only: WITH CHECK looks at rows that are at hand already."""
    found: frozenset[str] = frozenset()
    for policy in catalog.policies_of(table):
        if policy.using is not None:
            found |= columns_compared_with_the_caller(policy.using)
    return found


def _compared_columns_above(catalog: Catalog, partition: Relation) -> frozenset[str]:
    parent = catalog.relations.get(partition.parents[0]) if partition.is_partition and partition.parents else None
    if parent is None:
        return frozenset()
    try:
        own = _compared_columns(catalog, parent) if parent.row_security else frozenset[str]()
    except SqlSyntaxError:
        own = frozenset()
    return own | _compared_columns_above(catalog, parent)


@rule(
    "IDX003",
    "duplicate-index",
    clause="6.2",
    severity=Severity.LOW,
    family=Family.INDEXES,
    title="Index that another one makes superfluous",
    why="Every write keeps both, every vacuum cleans both, both take memory; the wider one answers all that the narrower one does.",
    how_to_fix="`drop index concurrently` the one that is named; where it belongs to a UNIQUE constraint, drop the constraint.",
    references=("splinter:duplicate_index",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.INDEXES),
    violating="create index orders_by_day_idx on public.orders (tenant_id, created_at);",
    clean="create index orders_by_day_idx on public.orders (created_at, tenant_id);",
)
def duplicate_index(catalog: Catalog) -> Verdicts:
    for relation, indexes in _indexed(catalog):
        valid = [index for index in indexes if index.valid]
        if len({index.key_columns[0] for index in valid}) == len(valid):  # nearly always: none begins like another
            yield Passes(len(valid))
            continue
        rivals: dict[str | None, list[Index]] = {}
        for index in valid:
            rivals.setdefault(index.key_columns[0], []).append(index)
        superfluous = {
            index.name
            for alike in rivals.values()
            if len(alike) > 1
            for index in alike
            if any(makes_superfluous(other, index) for other in alike)
        }
        yield Passes(len(valid) - len(superfluous))
        for index in valid:
            if index.name not in superfluous:
                continue
            # Covering is transitive and ties are broken by rank, so one that stays covers each that goes.
            kept = min(
                (o for o in valid if o.name not in superfluous and makes_superfluous(o, index)), key=lambda o: (len(o.key_columns), o.name)
            )
            same = len(kept.key_columns) == len(index.key_columns)
            identity = _identity(index)
            yield failed(
                identity,
                f"{identity} {'repeats' if same else 'is the beginning of'} index {kept.name}"
                + (f"; it belongs to constraint {index.constraint}" if index.constraint else ""),
                covered_by=kept.name,
                definition=index.definition,
                covering_definition=kept.definition,
                relation=str(identity_of(relation)),
            )


@rule(
    "IDX005",
    "invalid-index",
    clause="6.2",
    severity=Severity.MEDIUM,
    family=Family.INDEXES,
    title="Index that is not valid",
    why="No query uses it, but every write still pays for it; as a rule it is what a failed CREATE INDEX CONCURRENTLY left behind.",
    how_to_fix=(
        "`drop index concurrently` it and build it again, or `reindex index concurrently`. An index ON ONLY a partitioned table "
        "becomes valid when an index of every partition is attached to it."
    ),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.INDEXES),
    violating="""
create schema archive;
create table archive.visits (id uuid not null, at date not null, primary key (id, at), created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored) partition by range (at);
comment on table archive.visits is 'platformkit:not-tenant-scoped counts of the website';
create table archive.visits_2026 partition of archive.visits for values from ('2026-01-01') to ('2027-01-01');
create index visits_at_idx on only archive.visits (at);
""",
    clean="""
create schema archive;
create table archive.visits (id uuid not null, at date not null, primary key (id, at), created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored) partition by range (at);
comment on table archive.visits is 'platformkit:not-tenant-scoped counts of the website';
create table archive.visits_2026 partition of archive.visits for values from ('2026-01-01') to ('2027-01-01');
create index visits_at_idx on archive.visits (at);
""",
)
def invalid_index(catalog: Catalog) -> Verdicts:
    for relation, indexes in _indexed(catalog):
        invalid = [index for index in indexes if not index.valid]
        yield Passes(len(indexes) - len(invalid))
        for index in invalid:
            identity = _identity(index)
            if relation.kind is RelationKind.PARTITIONED_TABLE:
                reason = "not every partition has an index that is attached to it"
            else:
                reason = "it was left by a build that failed, or is being built right now"
            yield failed(identity, f"{identity} is not valid: {reason}", definition=index.definition, unique=index.unique)


def _indexed(catalog: Catalog) -> Iterator[tuple[Relation, tuple[Index, ...]]]:
    """The project's tables, partitions and materialized views that have indexes."""
    for relation in (*catalog.tables, *catalog.relations_of_kind(RelationKind.MATERIALIZED_VIEW)):
        if indexes := catalog.indexes_of(relation):
            yield relation, indexes


def _identity(index: Index) -> ObjectIdentity:
    return member_identity("index", index.schema, index.relation, index.name)


# -- which index does the work of another ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Layout:
    """The parts of a definition that decide what an index can do."""

    keys: str
    """Between the parentheses: columns and expressions with collation, operator class and order."""
    options: str
    """WITH (...), which belongs to the meaning of an index only in some access methods."""


def makes_superfluous(wide: Index, narrow: Index) -> bool:
    """Everything that `narrow` does, `wide` does as well; of two that do the same the better established one stays."""
    count = len(narrow.key_columns)
    if (
        wide is narrow
        or wide.method != narrow.method
        or wide.predicate != narrow.predicate
        or wide.key_columns[:count] != narrow.key_columns
    ):
        return False
    if narrow.replica_identity:
        return False  # without it, no row of a published table could be updated
    if narrow.inherited or not set(narrow.included_columns) <= {*wide.key_columns, *wide.included_columns}:
        return False  # the copy of a parent's index goes with the parent's
    ours, theirs = _layout(narrow.definition), _layout(wide.definition)
    if ours is None or theirs is None or (narrow.method != "btree" and ours.options != theirs.options):
        return False
    if ours.keys != theirs.keys:
        return narrow.method == "btree" and not narrow.unique and theirs.keys.startswith(f"{ours.keys}, ")
    if narrow.unique and not (wide.unique and (wide.nulls_not_distinct or not narrow.nulls_not_distinct)):
        return False
    return _rank(wide) < _rank(narrow)


def _rank(index: Index) -> tuple[bool, bool, bool, bool, bool, int, str]:
    """Of two indexes with the same keys the lesser one stays: what constraints and partitions hold, then the wider one."""
    return (
        not index.primary,
        not index.inherited,
        index.constraint is None,
        not index.unique,
        not index.nulls_not_distinct,
        -len(index.included_columns),
        index.name,
    )


@lru_cache(maxsize=4096)
def _layout(definition: str) -> _Layout | None:
    read = read_index_definition(definition)
    if read is None:
        return None
    rest = read.rest
    end = _closing(rest)
    options = rest[end + 1 :].partition(" WITH (")[2]
    return _Layout(rest[1:end], options.partition(" WHERE ")[0])


def _closing(text: str) -> int:
    """Where the parenthesis that opens `text` is closed; quoted names and literals are passed over."""
    depth, quote = 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return position
    return len(text)
