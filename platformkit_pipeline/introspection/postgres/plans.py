"""How the server would run slow and frequent statements: EXPLAIN, and hypothetical indexes where hypopg is installed.

A read-only transaction of its own, bounded in statements and time, and only when the counters show something to explain.
Statements are not run: the server plans them for unknown parameters. EXPLAIN ANALYZE needs the owners' consent and is
for SELECTs without parameters and side effects. Whatever is refused becomes a sentence; nothing here can fail a scan.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from platformkit_pipeline.introspection.postgres.activity import ActivityReading, Result, Run, sentence, text_of
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.activity import Activity, ColumnSpread, IndexTrial, Statement, StatementPlan, StatementStatistics
from platformkit_pipeline.model.snapshot import RelationKind, Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.index_usage import FREQUENT_CALLS, Advice, advice_for, look_ups
from platformkit_pipeline.rules.database.query_performance import SLOW_MS, slow_statements
from platformkit_pipeline.sqltext.identifiers import identifier, literal
from platformkit_pipeline.sqltext.secrets import mask_secrets
from platformkit_pipeline.sqltext.statements import StatementFacts, statement_facts

log = get_logger("introspection.postgres")

SLOW_EXPLAINED = 10
FREQUENT_EXPLAINED = 10
INDEXES_TRIED = 10
STATEMENTS_PER_INDEX = 3
PLAN_SECONDS = 5
"""Planning takes milliseconds; what takes longer waits for a lock."""
RUN_SECONDS = 15
"""For EXPLAIN ANALYZE: some ten times the threshold of a slow statement."""
_LONGEST_TEXT = 20_000
_GENERIC_PLAN_SINCE = 160000
_DEFAULT_PATH = '"$user", public, extensions'
"""What PostgREST and a fresh project search; schemas that do not exist do no harm."""
_EXPLAINABLE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"})
_KEPT = (
    *("Node Type", "Schema", "Relation Name", "Alias", "Index Name", "Index Cond", "Filter", "Join Filter", "Hash Cond", "Merge Cond"),
    *("Recheck Cond", "Sort Key", "Subplan Name", "Function Name", "CTE Name", "Startup Cost", "Total Cost", "Plan Rows"),
    *("Actual Rows", "Actual Loops", "Rows Removed by Filter"),
)
"""What a reviewer needs of a node; target lists, widths and timings are left out."""
_MOST_NODES = 60

_SAVEPOINT = "savepoint platformkit_plan"
_BACK = "rollback to savepoint platformkit_plan"


class _Refused(Exception):
    """Why there is no plan."""


def with_plans(run: Run, snapshot: Snapshot, reading: ActivityReading, *, explain_analyze: bool = False) -> Snapshot:
    """The snapshot with its counters, and plans of what stands out in them. `run` speaks to an idle connection.

    One statement at a time; the transaction is rolled back, so that nothing that was set remains.
    """
    activity = reading.activity
    if activity is None or activity.statements is None:
        return dataclasses.replace(snapshot, activity=activity)
    snapshot = dataclasses.replace(snapshot, activity=activity)
    if not any(s.calls >= FREQUENT_CALLS or (s.max_ms or SLOW_MS) >= SLOW_MS for s in activity.statements.statements):
        return snapshot
    slow = slow_statements(activity.statements)
    found, _ = advice_for(Catalog(snapshot, Declarations()), activity.statements)
    if not slow and not found:
        return snapshot
    try:
        run(("begin transaction read only",))
        try:
            run((f"set local lock_timeout = '{PLAN_SECONDS}s'",))
            planner = _Planner(run, snapshot, explain_analyze)
            activity = _explained(planner, snapshot, activity, activity.statements, slow, found)
            if reading.hypopg_schema is not None:
                activity = _tried(planner, dataclasses.replace(snapshot, activity=activity), activity, reading.hypopg_schema)
        finally:
            run(("rollback",))
    except psycopg.Error as error:
        log.warning("plans not observed", error=sentence(error))
    return dataclasses.replace(snapshot, activity=activity)


def _explained(
    planner: _Planner,
    snapshot: Snapshot,
    activity: Activity,
    statistics: StatementStatistics,
    slow: Sequence[Statement],
    found: Sequence[Advice],
) -> Activity:
    frequent = dict.fromkeys(s for advice in found for s in advice.statements if s not in slow)
    chosen = [*slow[:SLOW_EXPLAINED], *list(frequent)[:FREQUENT_EXPLAINED]]
    plans = tuple(sorted((planner.plan(s, may_run=s in slow) for s in chosen), key=lambda p: p.digest))
    wanted = {s.digest for advice in found for s in advice.statements}
    columns = {
        (table.schema, table.name, column)
        for statement, table, access in look_ups(Catalog(snapshot, Declarations()), statistics)
        if statement.digest in wanted
        for column in access.equality
    }
    return dataclasses.replace(activity, plans=plans, spreads=planner.spreads(sorted(columns)))


def _tried(planner: _Planner, snapshot: Snapshot, activity: Activity, hypopg: str) -> Activity:
    if activity.statements is None:
        return activity
    found, _ = advice_for(Catalog(snapshot, Declarations()), activity.statements)
    costs = {p.digest: json.loads(p.plan)["Total Cost"] for p in activity.plans if p.plan and not p.executed}
    trials: list[IndexTrial] = []
    for advice in found[:INDEXES_TRIED]:
        statements = [s for s in advice.statements if s.digest in costs][:STATEMENTS_PER_INDEX]
        if statements:
            trials.extend(planner.trials(advice, statements, costs, hypopg))
    return dataclasses.replace(activity, trials=tuple(trials))


@dataclass(frozen=True, slots=True)
class _Planner:
    """Asks for plans inside an open read-only transaction; each question under a savepoint."""

    run: Run
    snapshot: Snapshot
    explain_analyze: bool

    def plan(self, statement: Statement, *, may_run: bool) -> StatementPlan:
        executed = may_run and self.explain_analyze and self._why_not_run(statement) is None
        try:
            plan = self._ask(statement, analyze=executed)
        except _Refused as refused:
            if not executed:
                return StatementPlan(statement.digest, unavailable=str(refused))
            executed = False
            try:
                plan = self._ask(statement, analyze=False)
            except _Refused as again:
                return StatementPlan(statement.digest, unavailable=str(again))
        return StatementPlan(statement.digest, plan=json.dumps(_trimmed(plan), ensure_ascii=False), executed=executed)

    def spreads(self, columns: Sequence[tuple[str, str, str]]) -> tuple[ColumnSpread, ...]:
        if not columns:
            return ()
        statement = text_of("spreads").replace("{columns}", literal(json.dumps(columns)))
        try:
            *_, result = self.run((_SAVEPOINT, statement))
        except psycopg.Error:
            return ()
        finally:
            self.run((_BACK,))
        return tuple(ColumnSpread(*row) for row in result.rows)

    def trials(self, advice: Advice, statements: Iterable[Statement], costs: dict[str, float], hypopg: str) -> Iterator[IndexTrial]:
        """The statements' costs with the index, which exists only in this session and only as long as this takes."""
        schema = identifier(hypopg)
        create = literal(advice.sql.replace(" concurrently", "", 1))
        try:
            [_, created] = self.run((_SAVEPOINT, f"select indexrelid::text, indexname from {schema}.hypopg_create_index({create})"))  # noqa: S608 - names are quoted by the server
        except psycopg.Error as error:
            self.run((_BACK,))
            log.warning("hypothetical index refused", error=sentence(error))
            return
        oid, name = created.rows[0]
        try:
            for statement in statements:
                try:
                    plan = self._ask(statement, analyze=False)
                except _Refused:
                    continue
                yield IndexTrial(
                    advice.table.schema,
                    advice.table.name,
                    advice.columns,
                    statement.digest,
                    cost_before=costs[statement.digest],
                    cost_after=plan["Total Cost"],
                    used=any(node.get("Index Name") == name for node in _nodes(plan)),
                )
        finally:
            self.run((f"select {schema}.hypopg_drop_index({oid})",))

    def _why_not_run(self, statement: Statement) -> str | None:
        """EXPLAIN ANALYZE only where nothing can happen but reading."""
        facts = statement_facts(statement.text)
        if facts is None or facts.command != "SELECT" or not facts.reads_only:
            return "it is no plain SELECT"
        if facts.parameters:
            return "its parameters are not known"
        kinds = {r.name: r.kind for r in self.snapshot.relations}
        tables = (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.MATERIALIZED_VIEW)
        if any(kinds.get(name) not in tables for _, name in facts.relations):
            return "it reads a view, whose functions are not known"
        return "it calls a function that may change something" if self._calls_volatile(facts) else None

    def _calls_volatile(self, facts: StatementFacts) -> bool:
        names = ", ".join(literal(name) for _, name in sorted(facts.functions, key=str))
        if not names:
            return False
        try:
            [_, result] = self.run((_SAVEPOINT, f"select true from pg_proc where proname in ({names}) and provolatile = 'v' limit 1"))  # noqa: S608 - names are quoted by the server
        except psycopg.Error:
            return True
        finally:
            self.run((_BACK,))
        return bool(result.rows)

    def _ask(self, statement: Statement, *, analyze: bool) -> dict[str, Any]:
        """Planned as the role that runs it, where the connected role may become that role, else as the connected one.

        A superuser becomes nobody: a function could turn back, and policies call functions.
        """
        facts = statement_facts(statement.text)
        if facts is None or facts.command not in _EXPLAINABLE or len(statement.text) >= _LONGEST_TEXT:
            raise _Refused("its normalised text cannot be planned: it is cut off, or no statement by itself")
        superuser = self.snapshot.server.current_user_superuser
        if superuser and self._may_run_code_of_others(facts):
            raise _Refused("planning runs functions of others, which a superuser must not do: connect as another role")
        last = "?"
        for role in (*(() if superuser else statement.roles[:1]), None):
            try:
                return self._asked_as(role, statement, facts, analyze=analyze)
            except psycopg.Error as error:
                last = sentence(error)
        raise _Refused(last)

    def _may_run_code_of_others(self, facts: StatementFacts) -> bool:
        """The planner evaluates functions that are not volatile; those may be anybody's, also behind a view."""
        superusers = {r.name for r in self.snapshot.roles if r.superuser}
        others = {f.name for f in self.snapshot.functions if f.volatility != "volatile" and not f.extension and f.owner not in superusers}
        if any(name in others for _, name in facts.functions):
            return True
        views = {r.name for r in self.snapshot.relations if r.kind is RelationKind.VIEW and r.owner not in superusers}
        return any(name in views for _, name in facts.relations)

    def _asked_as(self, role: str | None, statement: Statement, facts: StatementFacts, *, analyze: bool) -> dict[str, Any]:
        settings = [
            _SAVEPOINT,
            f"set local statement_timeout = '{RUN_SECONDS if analyze else PLAN_SECONDS}s'",
            f"select set_config('search_path', {literal(self._path_of(statement.roles[:1]))}, true)",
            "set local plan_cache_mode = force_generic_plan",
        ]
        if role is not None:
            settings.append(f"set local role {identifier(role)}")
        prepared = facts.parameters > 0 and self.snapshot.server.version_num < _GENERIC_PLAN_SINCE
        try:
            self.run(tuple(settings))
            if prepared:
                [*_, result] = self._prepared(statement.text, facts.parameters)
            else:
                how = "analyze, timing off, summary off, " if analyze else "generic_plan, " if facts.parameters else ""
                [result] = self.run((f"explain ({how}verbose, format json) {statement.text}",))
        finally:
            self.run((_BACK,))
        [[document]] = result.rows
        plan: dict[str, Any] = (json.loads(document) if isinstance(document, str) else document)[0]["Plan"]
        return plan

    def _prepared(self, text: str, parameters: int) -> Sequence[Result]:
        """Before 16, a generic plan is that of a prepared statement; its parameters' values do not matter."""
        self.run((f"prepare platformkit_plan as {text}",))
        values = ", ".join(["null"] * parameters)
        try:
            result = self.run((f"explain (verbose, format json) execute platformkit_plan ({values})",))
        except psycopg.Error:
            self.run((_BACK, "deallocate platformkit_plan", _SAVEPOINT))
            raise
        self.run(("deallocate platformkit_plan",))
        return result

    def _path_of(self, roles: Sequence[str]) -> str:
        settings = next((dict(r.settings) for r in self.snapshot.roles if r.name in roles), {})
        return settings.get("search_path") or _DEFAULT_PATH


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _trimmed(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with the fields that a reviewer needs, literals of secrets masked; very large plans lose their last nodes."""
    left = _MOST_NODES

    def trim(node: dict[str, Any]) -> dict[str, Any]:
        nonlocal left
        left -= 1
        kept = {key: _masked(node[key]) for key in _KEPT if key in node}
        children = [trim(child) for child in node.get("Plans", ()) if left > 0]
        return kept | ({"Plans": children} if children else {})

    return trim(plan)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_secrets(value)
    return [_masked(item) for item in value] if isinstance(value, list) else value
