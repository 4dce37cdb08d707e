"""What the triggers of one database do: their functions, and the functions those call, read once each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from platformkit_pipeline.model.identity import function_identity
from platformkit_pipeline.model.snapshot import Function, Trigger
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.parser import SqlSyntaxError, parse_statement
from platformkit_pipeline.sqltext.trigger_bodies import Effects, effects_of_plpgsql, effects_of_sql

_DEPTH = 5
"""How many calls are followed from a trigger function."""
_NOTHING = Effects()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`reason` is for a person and names the function."""

    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """Relations that a trigger inserts into, itself or through functions that it calls."""

    relations: frozenset[Name]
    unread: str = ""
    """Why there may be more; empty when everything was read."""


class TriggerFunctions:
    """Answers are kept, because thousands of tables share one function."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._effects: dict[tuple[str, str, str], Effects | Unreadable] = {}
        self._written: dict[tuple[str, str, str], Written] = {}

    @cached_property
    def _functions(self) -> dict[Name, Function]:
        return {(f.schema, f.name): f for f in self._catalog.snapshot.functions if f.returns_trigger}

    def effects(self, trigger: Trigger, operation: str) -> Effects | Unreadable:
        """What the trigger's function does for INSERT, UPDATE, DELETE or TRUNCATE."""
        key = (trigger.function_schema, trigger.function_name, operation)
        known = self._effects.get(key)
        if known is None:
            known = self._effects[key] = self._read(trigger, operation)
        return known

    def written(self, trigger: Trigger, operation: str) -> Written:
        key = (trigger.function_schema, trigger.function_name, operation)
        known = self._written.get(key)
        if known is None:
            effects = self.effects(trigger, operation)
            function = self._functions.get((trigger.function_schema, trigger.function_name))
            known = Written(frozenset(), effects.reason) if isinstance(effects, Unreadable) else self._followed(effects, function, _DEPTH)
            self._written[key] = known
        return known

    def _read(self, trigger: Trigger, operation: str) -> Effects | Unreadable:
        function = self._functions.get((trigger.function_schema, trigger.function_name))
        if function is None:
            if trigger.function_schema == "pg_catalog":
                return _NOTHING  # tsvector_update_trigger and its kin: they write no log and keep no time
            return Unreadable(f"function {trigger.function_schema}.{trigger.function_name}() was not observed")
        if function.extension is not None and function.language in ("c", "internal"):
            return _NOTHING  # whoever asks about moddatetime knows it by name
        return _read_routine(function, operation)

    def _followed(self, effects: Effects, caller: Function | None, depth: int, seen: frozenset[str] = frozenset()) -> Written:
        relations = {self._resolved(name, caller) for name in effects.inserts_into}
        unread = [f"{_called(caller)} runs SQL that it builds"] if effects.runs_dynamic_sql and caller else []
        for schema, name in sorted(effects.calls):
            for function in self._catalog.functions_named(name, schema or None):
                label = _called(function)
                if label in seen or function.extension is not None or function.language in ("c", "internal"):
                    continue
                inner = _read_routine(function, None) if depth else Unreadable(f"{label} is called too deep down to be followed")
                if isinstance(inner, Unreadable):
                    unread.append(inner.reason)
                    continue
                found = self._followed(inner, function, depth - 1, seen | {label})
                relations |= found.relations
                unread += [found.unread] if found.unread else []
        return Written(frozenset(relations), "; ".join(sorted(set(unread))))

    def _resolved(self, name: Name, caller: Function | None) -> Name:
        """The schema of a name that stands bare: the first one of the function's path that has such a relation."""
        if name[0]:
            return name
        path = dict(caller.settings).get("search_path", "") if caller else ""
        schemas = [part.strip().strip('"') for part in path.split(",")]
        return next(((s, name[1]) for s in (*schemas, "public") if (s, name[1]) in self._catalog.relations), ("", name[1]))


def fires(trigger: Trigger, operation: str) -> bool:
    """The trigger is enabled in ordinary sessions and covers the operation."""
    return operation in trigger.events and trigger.enabled in ("origin", "always")


def is_conditional(trigger: Trigger) -> bool:
    """The trigger has a WHEN clause, so it may stay silent."""
    return " WHEN (" in trigger.definition and (statement := _parsed(trigger)) is not None and bool(statement.HasField("when_clause"))


def is_of_columns(trigger: Trigger) -> bool:
    """`update of a, b`: the trigger fires only for statements that name these columns."""
    return " UPDATE OF " in trigger.definition and (statement := _parsed(trigger)) is not None and len(statement.columns) > 0


def arguments_of(trigger: Trigger) -> tuple[str, ...]:
    """What stands between the parentheses after the function's name."""
    if trigger.definition.endswith("()") or (statement := _parsed(trigger)) is None:
        return ()
    return tuple(str(argument.string.sval) for argument in statement.args)


def stops(functions: TriggerFunctions, trigger: Trigger, operation: str) -> bool:
    """Every such statement fails, or leaves the rows as they are, because of this trigger."""
    if not fires(trigger, operation) or is_conditional(trigger) or is_of_columns(trigger):
        return False
    effects = functions.effects(trigger, operation)
    if isinstance(effects, Unreadable):
        return False
    return effects.refuses or (effects.lets_no_row_through and trigger.for_each_row and trigger.timing == "BEFORE")


def _read_routine(function: Function, operation: str | None) -> Effects | Unreadable:
    label = _called(function)
    try:
        if function.language == "plpgsql" and function.definition is not None:
            return effects_of_plpgsql(function.definition, operation)
        body = function.sql_body or function.body
        if function.language == "sql" and body is not None:
            return effects_of_sql(body)
    except SqlSyntaxError as error:
        return Unreadable(f"{label} cannot be read ({error})")
    return Unreadable(f"{label} is written in {function.language}")


def _called(function: Function) -> str:
    return f"function {function_identity(function.schema, function.name, function.arguments)}"


def _parsed(trigger: Trigger) -> Any:
    try:
        return parse_statement(trigger.definition)
    except SqlSyntaxError:
        return None
