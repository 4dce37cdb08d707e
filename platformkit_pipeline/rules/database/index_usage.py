"""Indexes that frequent statements lack, and indexes that nobody uses: clause 6.2."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from platformkit_pipeline.model.activity import ColumnSpread, IndexTrial, Statement, StatementStatistics, UnusedIndex
from platformkit_pipeline.model.identity import ObjectIdentity, database_identity, member_identity
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Index, Relation, RelationKind
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.foreign_keys import index_serves
from platformkit_pipeline.rules.database.index_advice import Columns, Need, Recommendation, recommend
from platformkit_pipeline.rules.database.query_performance import (
    LARGE_TABLE_ROWS,
    Plan,
    activity_of,
    gap_in,
    plans_of,
    sequential_scans,
    slow_statements,
    statements_of,
)
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.policy_columns import columns_compared_with_the_caller
from platformkit_pipeline.sqltext.statements import Access, accesses, statement_facts

FREQUENT_CALLS = 100
"""A statement that ran less often than this and is not slow is not what clause 6.2 calls common."""
WIDEST = 3
"""Columns compared with `=` in one recommended index: after the first few, the rows are found."""
LARGEST_SHARE = 0.1
"""A look-up that finds more than a tenth of the table is answered by reading it all, index or not."""
UNUSED_AFTER = timedelta(days=14)
"""Two weeks hold the weekly jobs; `sql/activity/server.sql` names no index before that."""
STATEMENTS_SHOWN = 3

_UNORDERED_TYPES = ("json", "jsonb", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector", "tsquery", "boolean")
"""Types that a B-tree does not hold, or that have too few values for it to help."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One index to create, and the statements that would use it, the most frequent first."""

    table: Relation
    columns: Columns
    statements: tuple[Statement, ...]

    @property
    def sql(self) -> str:
        concurrently = "" if self.table.kind is RelationKind.PARTITIONED_TABLE else " concurrently"
        columns = ", ".join(map(identifier, self.columns))
        return f"create index{concurrently} on {qualified(self.table.schema, self.table.name)} ({columns})"


def advice_for(catalog: Catalog, statistics: StatementStatistics) -> tuple[tuple[Advice, ...], int]:
    """Indexes that frequent statements lack, and how many of their look-ups in large tables have one."""
    spreads = {(s.schema, s.relation, s.column): s for s in (catalog.snapshot.activity.spreads if catalog.snapshot.activity else ())}
    plans = plans_of(catalog)
    needs: list[Need] = []
    served = 0
    by_digest: dict[str, Statement] = {}
    for statement, table, access in look_ups(catalog, statistics):
        need = _need(catalog, table, access, spreads, statement.digest)
        plan = plans.get(statement.digest)
        if need is None or _is_served(catalog, table, need) or (plan is not None and not _reads_all(plan, table)):
            served += 1
        else:
            by_digest[statement.digest] = statement
            needs.append(need)
    existing = {n.relation: _existing(catalog, catalog.relations[n.relation]) for n in needs}
    found = recommend(needs, existing, lambda relation, column: -_distinct(catalog, (*relation, column), spreads))
    return tuple(_advice(catalog, r, by_digest) for r in found), served


def look_ups(catalog: Catalog, statistics: StatementStatistics) -> Iterator[tuple[Statement, Relation, Access]]:
    """How frequent and slow statements look for rows in large tables of the project."""
    slow = {s.digest for s in slow_statements(statistics)}
    by_name: dict[str, list[str]] = defaultdict(list)
    for schema, name in catalog.table_names:
        by_name[name].append(schema)
    for statement in statistics.statements:
        if statement.calls < FREQUENT_CALLS and statement.digest not in slow:
            continue
        facts = statement_facts(statement.text)
        if facts is None:
            continue
        for access in accesses(facts, lambda schema, name: catalog.column_names(schema or "", name)):
            table = _table(catalog, access.relation, by_name)
            if table is not None and _rows(catalog, table) >= LARGE_TABLE_ROWS:
                yield statement, table, access


def _table(catalog: Catalog, name: tuple[str | None, str], by_name: dict[str, list[str]]) -> Relation | None:
    """A name without a schema means `public`, or the only table that has it."""
    schema, relation = name
    if schema is None:
        schemas = by_name.get(relation, [])
        schema = "public" if "public" in schemas else schemas[0] if len(schemas) == 1 else ""
    return catalog.relations[(schema, relation)] if (schema, relation) in catalog.table_names else None


def _rows(catalog: Catalog, table: Relation) -> int:
    """Of a partitioned table that was not analyzed itself, the rows of its partitions."""
    statistics = catalog.statistics.get((table.schema, table.name))
    rows = (statistics.estimated_rows or 0) if statistics else 0
    if rows or table.kind is not RelationKind.PARTITIONED_TABLE:
        return rows
    return sum(_rows(catalog, t) for t in catalog.tables if t.is_partition and (table.schema, table.name) in t.parents)


def _need(catalog: Catalog, table: Relation, access: Access, spreads: dict[tuple[str, str, str], ColumnSpread], digest: str) -> Need | None:
    """What an index would have to hold; None when none would help."""
    name = (table.schema, table.name)
    fit = frozenset(c for c in access.equality if _is_ordered(catalog, table, c))
    if access.equality and not fit:
        return None
    sorting = tuple(c for c in (access.sorting or access.ranges[:1]) if _is_ordered(catalog, table, c))
    found = 1.0
    for column in fit:
        found /= max(1.0, _distinct(catalog, (*name, column), spreads))
    if fit and found > LARGEST_SHARE and not access.sorting:
        return None
    best = sorted(fit, key=lambda c: (-_distinct(catalog, (*name, c), spreads), c))[:WIDEST]
    if len(best) < len(access.equality):
        sorting = ()  # other conditions come before the order
    return Need(name, frozenset(best), sorting, digest) if best or sorting else None


def _is_ordered(catalog: Catalog, table: Relation, column: str) -> bool:
    found = catalog.column(table, column)
    return found is not None and found.type not in _UNORDERED_TYPES and not found.type.startswith("geo")


def _distinct(catalog: Catalog, key: tuple[str, str, str], spreads: dict[tuple[str, str, str], ColumnSpread]) -> float:
    """How many values a column has; many, where that is not known."""
    spread = spreads.get(key)
    rows = float(_rows(catalog, catalog.relations[key[:2]]))
    if spread is None or spread.distinct == 0:
        return rows
    return spread.distinct if spread.distinct > 0 else -spread.distinct * rows


def _is_served(catalog: Catalog, table: Relation, need: Need) -> bool:
    """Some index begins with one of the columns, or another rule already asks for one: the rows are found, or will be."""
    first = need.equality or frozenset(need.sorting[:1])
    leading = {i.key_columns[0] for i in _usable(catalog, table)}
    return not first.isdisjoint(leading | promised_columns(catalog, table))


def _usable(catalog: Catalog, table: Relation) -> Iterator[Index]:
    return (i for i in catalog.indexes_of(table) if i.valid and i.key_columns and (i.predicate is None or i.constraint is None))


def _existing(catalog: Catalog, table: Relation) -> list[Columns]:
    """Columns of the indexes as far as they are plain."""
    found = []
    for index in _usable(catalog, table):
        plain = index.key_columns[: index.key_columns.index(None)] if None in index.key_columns else index.key_columns
        found.append(tuple(c for c in plain if c is not None))
    return found


def promised_columns(catalog: Catalog, table: Relation) -> frozenset[str]:
    """Columns for which FKY003 (foreign keys) and IDX001 (policies) ask for an index, or would if the present one went."""
    found = {key.columns[0] for key in catalog.foreign_keys_of(table)}
    for policy in catalog.policies_of(table) if table.row_security else ():
        with suppress(SqlSyntaxError):
            found |= columns_compared_with_the_caller(policy.using) if policy.using is not None else frozenset()
    return frozenset(found)


def _reads_all(plan: Plan, table: Relation) -> bool:
    return any(n["Relation Name"] == table.name and n.get("Schema", table.schema) == table.schema for n in sequential_scans(plan))


def _advice(catalog: Catalog, recommendation: Recommendation, by_digest: dict[str, Statement]) -> Advice:
    statements = sorted((by_digest[d] for d in recommendation.needed_by), key=lambda s: (-s.calls, s.digest))
    return Advice(catalog.relations[recommendation.relation], recommendation.columns, tuple(statements))


# -- the rules -------------------------------------------------------------------------------------------------------
@rule(
    "IDX002",
    "filter-column-not-indexed",
    clause="6.2",
    severity=Severity.LOW,
    family=Family.INDEXES,
    title="Frequent statement filters or sorts a large table without an index",
    why="Each call reads the table from end to end; the cost is paid by every request, and it grows with the data.",
    how_to_fix="Create the index of the finding: columns compared with `=` first, then those of the range or the order.",
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.INDEXES, CatalogKind.CONSTRAINTS, CatalogKind.POLICIES),
    source=Source.STATISTICS,
    example_role="supabase_admin",
    violating="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
analyze public.orders;
do $$ begin
  set local pg_stat_statements.track = 'all'; -- counts the statements inside of this block as well
  for n in 1..100 loop
    execute 'select count(*) from public.orders where total = $1' using n;
  end loop;
end $$;
""",
    clean="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
create index orders_total_idx on public.orders (total);
analyze public.orders;
do $$ begin
  set local pg_stat_statements.track = 'all'; -- counts the statements inside of this block as well
  for n in 1..100 loop
    execute 'select count(*) from public.orders where total = $1' using n;
  end loop;
end $$;
""",
)
def filter_column_not_indexed(catalog: Catalog) -> Verdicts:
    statistics = statements_of(catalog)
    database = database_identity(catalog.snapshot.server.database)
    if isinstance(statistics, str):
        yield unknown(database, statistics)
        return
    found, served = advice_for(catalog, statistics)
    trials, plans = _trials(catalog), plans_of(catalog)
    helpless = 0
    for advice in found:
        key = (advice.table.schema, advice.table.name, advice.columns)
        tried = [t for t in trials.get(key, ()) if any(s.digest == t.digest for s in advice.statements)]
        if tried and not any(t.used and t.cost_after < t.cost_before for t in tried):
            helpless += 1  # the planner was asked, and would not use it
            continue
        columns = ", ".join(advice.columns)
        yield failed(
            ObjectIdentity("columns", advice.table.schema, advice.table.name, (("columns", columns),)),
            f"frequent statements look for rows of {advice.table.schema}.{advice.table.name} by {columns}, and no index begins so",
            index=advice.sql,
            statements=[_shown(s, plans.get(s.digest), tried) for s in advice.statements[:STATEMENTS_SHOWN]],
        )
    if gap := gap_in(catalog, statistics, hidden=statistics.hidden):
        yield unknown(database, f"not all statements are known: {gap}")
        return
    for _ in range(served + helpless):
        yield PASSED


def _shown(statement: Statement, plan: Plan | None, tried: list[IndexTrial]) -> dict[str, Any]:
    """Evidence: one statement that needs the index, and what it costs without and with it."""
    trial = next((t for t in tried if t.digest == statement.digest), None)
    return {
        "statement": statement.text,
        "calls": statement.calls,
        "mean_ms": statement.mean_ms,
        "plan": plan,
        "hypothetical": {"cost_before": trial.cost_before, "cost_after": trial.cost_after} if trial else None,
    }


def _trials(catalog: Catalog) -> dict[tuple[str, str, Columns], list[IndexTrial]]:
    found: dict[tuple[str, str, Columns], list[IndexTrial]] = defaultdict(list)
    for trial in catalog.snapshot.activity.trials if catalog.snapshot.activity else ():
        found[trial.schema, trial.relation, trial.columns].append(trial)
    return found


@rule(
    "IDX004",
    "unused-index",
    clause="6.2",
    severity=Severity.INFO,
    family=Family.INDEXES,
    title="Index that is never read",
    why="Every insert and update pays for it, it takes memory from indexes that work, and VACUUM has to visit it.",
    how_to_fix="Make sure that no replica and no rare job uses it (replicas count for themselves), then `drop index concurrently`.",
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS, CatalogKind.INDEXES, CatalogKind.POLICIES),
    source=Source.STATISTICS,
    references=("splinter:unused_index",),
    violating="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
create index orders_total_idx on public.orders (total);
analyze public.orders;
""",
    clean="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
create index orders_total_idx on public.orders (total);
analyze public.orders;
select count(*) from public.orders where total = 7;
""",
)
def unused_index(catalog: Catalog) -> Verdicts:
    activity = activity_of(catalog)
    database = database_identity(catalog.snapshot.server.database)
    if isinstance(activity, str):
        yield unknown(database, activity)
        return
    if catalog.snapshot.server.in_recovery:
        yield unknown(database, "this is a standby, which counts only what is read here: scan the primary")
        return
    if activity.observed_at - activity.counting_since < UNUSED_AFTER:
        since = f"{activity.counting_since:%Y-%m-%d %H:%M:%S} UTC"
        yield unknown(database, f"uses of indexes are counted only since {since}: too few days to tell, {UNUSED_AFTER.days} are needed")
        return
    unused = {(u.schema, u.relation, u.name): u for u in activity.unused_indexes}
    for table in catalog.tables:
        if _rows(catalog, table) < LARGE_TABLE_ROWS:  # read from end to end whatever indexes there are
            continue
        for index in catalog.indexes_of(table):
            if index.unique or index.constraint or not index.valid or table.kind is RelationKind.PARTITIONED_TABLE or index.inherited:
                continue
            found = unused.get((index.schema, index.relation, index.name))
            if found is None:
                yield PASSED
            elif not _is_needed(catalog, table, index) and not _stands_in(catalog, table, index, unused):
                yield _unused(index, found, activity.counting_since.strftime("%Y-%m-%d"))


def _unused(index: Index, found: UnusedIndex, since: str) -> Any:
    identity = member_identity("index", index.schema, index.relation, index.name)
    return failed(
        identity,
        f"index {qualified(index.schema, index.name)} of {qualified(index.schema, index.relation)} was not read once since {since}",
        definition=index.definition,
        size_mib=round(found.bytes / (1024 * 1024), 1),
        drop=f"drop index concurrently {qualified(index.schema, index.name)}",
    )


def _is_needed(catalog: Catalog, table: Relation, index: Index) -> bool:
    """Dropping it would break FKY003 or IDX001: no other index serves a foreign key, or leads with a column of a policy."""
    others = [i for i in catalog.indexes_of(table) if i is not index and i.valid]
    for key in catalog.foreign_keys_of(table):
        if index_serves(index, key.columns) and not any(index_serves(i, key.columns) for i in others):
            return True
    leading = index.key_columns[0] if index.key_columns else None
    return leading is not None and leading in promised_columns(catalog, table) and not _lead(others, leading)


def _stands_in(catalog: Catalog, table: Relation, index: Index, unused: Container[tuple[str, str, str]]) -> bool:
    """A narrower or equal index is used, and IDX003 calls it superfluous because of this one: only one of the two can go."""
    return any(
        other is not index
        and other.valid
        and not other.unique
        and other.key_columns == index.key_columns[: len(other.key_columns)]
        and (other.schema, other.relation, other.name) not in unused
        for other in catalog.indexes_of(table)
    )


def _lead(indexes: Iterable[Index], column: str) -> bool:
    return any(i.key_columns and i.key_columns[0] == column and i.predicate is None for i in indexes)
