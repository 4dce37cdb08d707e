"""What the triggers of one database do: their functions, and the functions those call, read once each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from platformkit_pipeline.model.identity import function_identity
from platformkit_pipeline.model.snapshot import Function, Trigger
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.parser import SqlSyntaxError, parse_statement
from platformkit_pipeline.sqltext.trigger_bodies import Effects, effects_of_plpgsql, effects_of_sql

_NOTHING = Effects()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`reason` is for a person and names the function."""

    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """Relations that a trigger inserts into, and those whose rows it changes, itself or through functions that it calls."""

    relations: frozenset[Name]
    changed: frozenset[Name] = frozenset()
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

    def likely_first(self, triggers: Sequence[Trigger], word: str) -> Sequence[Trigger]:
        """The same triggers, those whose function's text has `word` in it first: reading the others may turn out needless."""
        return sorted(triggers, key=lambda trigger: not self._has_word(trigger, word)) if len(triggers) > 1 else triggers

    def _has_word(self, trigger: Trigger, word: str) -> bool:
        function = self._functions.get((trigger.function_schema, trigger.function_name))
        return function is not None and word in (function.body or "")

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
            if isinstance(effects, Unreadable):
                known = Written(frozenset(), unread=effects.reason)
            else:
                known = self._followed(effects, function) if function else Written(frozenset())
            self._written[key] = known
        return known

    def function_of(self, trigger: Trigger) -> Function | None:
        return self._functions.get((trigger.function_schema, trigger.function_name))

    def _read(self, trigger: Trigger, operation: str) -> Effects | Unreadable:
        function = self._functions.get((trigger.function_schema, trigger.function_name))
        if function is None:
            if trigger.function_schema == "pg_catalog":
                return _NOTHING  # tsvector_update_trigger and its kin: they write no log and keep no time
            return Unreadable(f"function {trigger.function_schema}.{trigger.function_name}() was not observed")
        if function.extension is not None and function.language in ("c", "internal"):
            return _NOTHING  # whoever asks about moddatetime knows it by name
        return _read_routine(function, operation)

    def _followed(self, effects: Effects, function: Function) -> Written:
        """What the function and all that it calls write; each of them is looked at once."""
        relations: set[Name] = set()
        changed: set[Name] = set()
        unread: set[str] = set()
        waiting: list[tuple[Effects, Function]] = [(effects, function)]
        seen = {id(function)}
        while waiting:
            effects, caller = waiting.pop()
            path = _path_of(caller)
            relations |= {self._resolved(name, path) for name in effects.inserts_into}
            changed |= {self._resolved(name, path) for name in effects.changes}
            if effects.runs_dynamic_sql:
                unread.add(f"{_called(caller)} runs SQL that it builds")
            for called in self._callees(effects, path):
                if id(called) in seen:
                    continue
                seen.add(id(called))
                inner = _read_routine(called, None)
                if isinstance(inner, Unreadable):
                    unread.add(inner.reason)
                else:
                    waiting.append((inner, called))
        return Written(frozenset(relations), frozenset(changed), "; ".join(sorted(unread)))

    def _callees(self, effects: Effects, path: tuple[str, ...]) -> Iterator[Function]:
        """Functions of the project that are called, all overloads; what is written in C belongs to the server or an extension."""
        for schema, name in sorted(effects.calls):
            for function in self._catalog.functions_named(name, schema or None):
                if (schema or function.schema in path) and function.extension is None and function.language not in ("c", "internal"):
                    yield function

    def _resolved(self, name: Name, path: tuple[str, ...]) -> Name:
        """The schema of a name that stands bare: the first one of the function's path that has such a relation."""
        if name[0]:
            return name
        return next(((s, name[1]) for s in path if (s, name[1]) in self._catalog.relations), ("", name[1]))


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


def _path_of(function: Function) -> tuple[str, ...]:
    """Schemas in which the function looks for bare names; `public` where it leaves that to its caller."""
    path = dict(function.settings).get("search_path", "")
    return (*(part.strip().strip('"') for part in path.split(",") if part.strip(' "')), "public")


def _called(function: Function) -> str:
    return f"function {function_identity(function.schema, function.name, function.arguments)}"


def _parsed(trigger: Trigger) -> Any:
    try:
        return parse_statement(trigger.definition)
    except SqlSyntaxError:
        return None
