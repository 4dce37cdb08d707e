"""Slow statements, table scans in them, and endpoints over their budget: clauses 6.1 and 6.2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from platformkit_pipeline.model.activity import Activity, EndpointLatency, Statement, StatementStatistics
from platformkit_pipeline.model.identity import ObjectIdentity, database_identity
from platformkit_pipeline.model.managed_schemas import is_managed, is_system
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.statements import StatementFacts, statement_facts

SLOW_MS = 1000
"""Clause 6.1: a query is slow above 1 s of execution."""
FEWEST_CALLS = 3
"""One or two slow calls may be a cold cache, a lock or somebody's experiment."""
SLOW_SHARE = 0.05
"""More than this share of calls above the threshold, and p95 is above it."""
OLDEST_ENOUGH = timedelta(hours=24)
"""A day holds the nightly jobs and the busy hour; counters younger than that have not seen what the database does."""
LARGE_TABLE_ROWS = 10_000
"""Reading fewer rows than this takes milliseconds, whatever the plan."""
P95_BUDGET_MS = 500
P99_BUDGET_MS = 2000
"""Clause 6.1."""
REQUESTS_FOR_P95 = 20
REQUESTS_FOR_P99 = 100
"""With fewer requests the percentile is the slowest single one."""
_TEXT_IN_MESSAGE = 120

Plan = dict[str, Any]
"""A node of EXPLAIN (FORMAT JSON), with the nodes below it under `Plans`."""


# -- what slow means; the observation asks the same to know which statements to explain ---------------------------------
def slow_statements(statistics: StatementStatistics) -> tuple[Statement, ...]:
    """The project's own statements that are slow, the most expensive first."""
    found = [s for s in statistics.statements if s.top_level and _is_slow(s) and not _is_the_platforms(statement_facts(s.text))]
    return tuple(sorted(found, key=lambda s: (-s.calls * s.mean_ms, s.digest)))


def slow_share(statement: Statement) -> float:
    """A share of the calls that certainly took longer than the threshold, from mean, deviation and maximum alone.

    For every call x(x - T) is at most 0 when x <= T, and at most max(max - T) otherwise; so their mean, which is
    E[x²] - T·mean, divided by max(max - T) cannot exceed the share of the slow ones. An outlier alone does not get far.
    """
    longest = statement.max_ms
    if longest is None or longest <= SLOW_MS:
        return 0.0
    mean_square = statement.deviation_ms**2 + statement.mean_ms**2
    return max(0.0, (mean_square - SLOW_MS * statement.mean_ms) / (longest * (longest - SLOW_MS)))


def _is_slow(statement: Statement) -> bool:
    return statement.calls >= FEWEST_CALLS and (statement.mean_ms > SLOW_MS or slow_share(statement) > SLOW_SHARE)


def _is_the_platforms(facts: StatementFacts | None) -> bool:
    """It names relations or functions, and all of them are PostgreSQL's or the platform's: nobody here can change it."""
    if facts is None:
        return False
    named = [(schema, name) for schema, name in facts.relations] + [(s, n) for s, n in facts.functions if s not in (None, "pg_catalog")]
    return bool(named) and all(is_managed(schema) if schema else is_system(name) for schema, name in named)


def reads_a_table_of(catalog: Catalog, statement: Statement) -> bool:
    """It reads a table of the project; only such statements count as judged when nothing is wrong with them."""
    facts = statement_facts(statement.text)
    return facts is not None and any((schema or "public", name) in catalog.table_names for schema, name in facts.relations)


# -- what cannot be answered -----------------------------------------------------------------------------------------
def activity_of(catalog: Catalog) -> Activity | str:
    """The counters, or the reason why there are none."""
    if catalog.snapshot.activity is not None:
        return catalog.snapshot.activity
    why = next((u.why for u in catalog.snapshot.unobserved if u.what == "statistics"), "this observation holds no statistics")
    return f"not judged: {why}"


def statements_of(catalog: Catalog) -> StatementStatistics | str:
    """The statement statistics, or the reason why there are none."""
    activity = activity_of(catalog)
    if isinstance(activity, str):
        return activity
    return activity.statements or f"not judged: {activity.statements_unavailable}"


def gap_in(catalog: Catalog, statistics: StatementStatistics, *, hidden: int) -> str | None:
    """Why these statistics do not show everything that the database does; None when they do."""
    activity = catalog.snapshot.activity
    if activity is None:
        return None
    since = f"{statistics.counting_since:%Y-%m-%d %H:%M:%S} UTC"
    if activity.observed_at - statistics.counting_since < OLDEST_ENOUGH:
        hours = int(OLDEST_ENOUGH.total_seconds() // 3600)
        return f"statements are counted only since {since}: scan again when the counters are {hours} hours old, and do not reset them"
    if hidden:
        return "statements of other roles hide their text from the observing role; grant it pg_read_all_stats"
    if statistics.evicted:
        return f"the server dropped entries since {since}, because it ran more kinds of statements than pg_stat_statements.max: raise it"
    return None


def statement_identity(statement: Statement) -> ObjectIdentity:
    """A digest of the text: the server's own query id differs from one major to the next."""
    return ObjectIdentity("statement", None, statement.digest)


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_IN_MESSAGE else line[: _TEXT_IN_MESSAGE - 3] + "..."


def numbers_of(statement: Statement) -> dict[str, Any]:
    """Evidence: the statement and what the server counted."""
    return {
        "statement": statement.text,
        "roles": list(statement.roles),
        "calls": statement.calls,
        "mean_ms": statement.mean_ms,
        "max_ms": statement.max_ms,
        "rows": statement.rows,
        "blocks_read": statement.blocks_read,
        "blocks_hit": statement.blocks_hit,
        "read_ms": statement.read_ms,
    }


# -- the rules -------------------------------------------------------------------------------------------------------
@rule(
    "PRF001",
    "slow-query",
    clause="6.1",
    severity=Severity.MEDIUM,
    family=Family.QUERY_PERFORMANCE,
    title="Statement slower than one second",
    why="Who waits for it gives up or tries again; meanwhile it keeps a connection, its locks and the caches of everybody else.",
    how_to_fix="Read its plan (`explain (analyze, buffers)`): index what it filters by, read fewer rows, or take it out of the request.",
    requires=(),
    source=Source.STATISTICS,
    violating="""
select pg_sleep(1.1);
select pg_sleep(1.1);
select pg_sleep(1.1);
""",
    clean="""
select pg_sleep(0.01);
select pg_sleep(0.01);
select pg_sleep(0.01);
""",
)
def slow_query(catalog: Catalog) -> Verdicts:
    statistics = statements_of(catalog)
    if isinstance(statistics, str):
        yield unknown(database_identity(catalog.snapshot.server.database), statistics)
        return
    slow = slow_statements(statistics)
    plans = plans_of(catalog)
    for statement in slow:
        how = "on average" if statement.mean_ms > SLOW_MS else "in more than 5 % of its calls"
        yield failed(
            statement_identity(statement),
            f"takes more than {SLOW_MS // 1000} s {how}: {shortened(statement.text)}",
            **numbers_of(statement),
            certainly_slow_share=round(slow_share(statement), 3),
            plan=plans.get(statement.digest),
        )
    if gap := gap_in(catalog, statistics, hidden=statistics.hidden_slow):
        yield unknown(database_identity(catalog.snapshot.server.database), f"not all statements are known: {gap}")
        return
    yield from _passes_of_the_rest(catalog, statistics, slow)


@rule(
    "PRF002",
    "endpoint-over-budget",
    clause="6.1",
    severity=Severity.HIGH,
    family=Family.QUERY_PERFORMANCE,
    title="API endpoint slower than its budget",
    why="One request in twenty (p95) above 500 ms, or one in a hundred (p99) above 2 s: every page that needs several of them feels it.",
    how_to_fix="Look at the statements behind the endpoint (PRF001, PRF003); ask for fewer columns and rows, add the index, or cache.",
    requires=(),
    source=Source.LOGS,
    violating='[{"method": "GET", "path": "/rest/v1/orders", "status": 200, "milliseconds": 900, "requests": 100}]',
    clean='[{"method": "GET", "path": "/rest/v1/orders", "status": 200, "milliseconds": 80, "requests": 100}]',
)
def endpoint_over_budget(catalog: Catalog) -> Verdicts:
    if not catalog.declarations.management_api:
        return
    database = database_identity(catalog.snapshot.server.database)
    activity = activity_of(catalog)
    if isinstance(activity, str) or activity.endpoints is None:
        why = activity if isinstance(activity, str) else f"the project's logs could not be read: {activity.endpoints_unavailable}"
        yield unknown(database, why)
        return
    if not any(e.requests >= REQUESTS_FOR_P95 for e in activity.endpoints):
        yield unknown(database, f"no endpoint had {REQUESTS_FOR_P95} requests in the last day: too few for a percentile")
        return
    for endpoint in activity.endpoints:
        if endpoint.requests < REQUESTS_FOR_P95:
            continue
        over = list(_budgets_missed(endpoint))
        if over:
            yield failed(
                ObjectIdentity("endpoint", None, f"{endpoint.method} {endpoint.path}"),
                f"{endpoint.method} {endpoint.path}: {' and '.join(over)}",
                requests=endpoint.requests,
                p95_ms=endpoint.p95_ms,
                p99_ms=endpoint.p99_ms,
            )
        else:
            yield PASSED


def _budgets_missed(endpoint: EndpointLatency) -> Iterator[str]:
    if endpoint.p95_ms > P95_BUDGET_MS:
        yield f"p95 is above {P95_BUDGET_MS} ms"
    if endpoint.p99_ms > P99_BUDGET_MS and endpoint.requests >= REQUESTS_FOR_P99:
        yield f"p99 is above {P99_BUDGET_MS} ms"


@rule(
    "PRF003",
    "table-scan-in-slow-query",
    clause="6.2",
    severity=Severity.MEDIUM,
    family=Family.QUERY_PERFORMANCE,
    title="Slow statement reads a whole table",
    why="Its cost grows with the table: what takes a second today takes ten next year, and it drives everybody else's pages out of memory.",
    how_to_fix="`create index concurrently` on the columns of the plan's filter, most selective equality first; then read the plan again.",
    requires=(CatalogKind.RELATIONS,),
    source=Source.STATISTICS,
    also_fires=("IDX002", "PRF001"),
    violating="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
analyze public.orders;
select count(*), pg_sleep(1.1) from public.orders where total = 7;
select count(*), pg_sleep(1.1) from public.orders where total = 8;
select count(*), pg_sleep(1.1) from public.orders where total = 9;
""",
    clean="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
create index orders_total_idx on public.orders (total);
analyze public.orders;
select count(*) from public.orders where total = 7;
""",
)
def table_scan_in_slow_query(catalog: Catalog) -> Verdicts:
    statistics = statements_of(catalog)
    if isinstance(statistics, str):
        yield unknown(database_identity(catalog.snapshot.server.database), statistics)
        return
    plans, reasons = plans_of(catalog), _why_no_plan(catalog)
    for statement in slow_statements(statistics):
        plan = plans.get(statement.digest)
        if plan is None:
            why = reasons.get(statement.digest, "there are more expensive ones, and only those were explained")
            yield unknown(statement_identity(statement), f"no plan: {why}; {shortened(statement.text)}", **numbers_of(statement))
            continue
        scans = [scan for scan in sequential_scans(plan) if _rows(catalog, scan) >= LARGE_TABLE_ROWS]
        if not scans:
            yield PASSED
            continue
        tables = sorted({f"{scan.get('Schema', 'public')}.{scan['Relation Name']}" for scan in scans})
        filters = sorted({str(scan["Filter"]) for scan in scans if "Filter" in scan})
        by = f" for {' and '.join(map(shortened, filters))}" if filters else ", without any filter"
        yield failed(
            statement_identity(statement),
            f"reads the whole of {', '.join(tables)}{by}: {shortened(statement.text)}",
            **numbers_of(statement),
            tables=tables,
            filters=filters,
            cost=plan.get("Total Cost"),
            plan=plan,
        )
    if gap := gap_in(catalog, statistics, hidden=statistics.hidden_slow):
        yield unknown(database_identity(catalog.snapshot.server.database), f"not all statements are known: {gap}")


def _passes_of_the_rest(catalog: Catalog, statistics: StatementStatistics, slow: tuple[Statement, ...]) -> Verdicts:
    for statement in set(statistics.statements) - set(slow):
        if statement.top_level and reads_a_table_of(catalog, statement):
            yield PASSED


def plans_of(catalog: Catalog) -> dict[str, Plan]:
    """Digest of a statement → its plan, where the server gave one."""
    activity = catalog.snapshot.activity
    return {p.digest: json.loads(p.plan) for p in (activity.plans if activity else ()) if p.plan}


def _why_no_plan(catalog: Catalog) -> dict[str, str]:
    activity = catalog.snapshot.activity
    return {p.digest: p.unavailable for p in (activity.plans if activity else ()) if p.unavailable}


def sequential_scans(node: Plan) -> Iterator[Plan]:
    """Nodes of the plan that read a table from end to end."""
    if node.get("Node Type") == "Seq Scan" and "Relation Name" in node:
        yield node
    for child in node.get("Plans", ()):
        yield from sequential_scans(child)


def _rows(catalog: Catalog, scan: Plan) -> int:
    statistics = catalog.statistics.get((scan.get("Schema", "public"), scan["Relation Name"]))
    return (statistics.estimated_rows or 0) if statistics else 0
