"""Whether triggers could decide otherwise than the policies do about a row that is written."""

from __future__ import annotations

import re

from platformkit_pipeline.introspection.postgres.isolation.doors import Door
from platformkit_pipeline.model.snapshot import Function, Trigger
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.trigger_bodies import effects_of_plpgsql

_MAY_STOP = re.compile(r"\braise\b(?!\s+(notice|log|debug|info|warning)\b)|\bassert\b|\bstrict\b", re.IGNORECASE)
_DROPS_ROW = re.compile(r"\breturn\s+null\b", re.IGNORECASE)
_HARMLESS = frozenset({("extensions", "moddatetime"), ("pg_catalog", "suppress_redundant_updates_trigger")})


def may_interfere(catalog: Catalog, door: Door, command: str) -> bool:
    """A trigger of the table may refuse the row, drop it, or give it another tenant; or nobody can tell."""
    return any(_interferes(catalog, door, trigger, command) for trigger in triggers_for(catalog, door, command))


def triggers_for(catalog: Catalog, door: Door, command: str) -> list[Trigger]:
    return [t for t in catalog.triggers_of(door.table) if command in t.events and t.enabled in ("origin", "always")]


def _interferes(catalog: Catalog, door: Door, trigger: Trigger, command: str) -> bool:
    if (trigger.function_schema, trigger.function_name) in _HARMLESS:
        return False
    functions = [f for f in catalog.functions_named(trigger.function_name, trigger.function_schema) if f.returns_trigger]
    return not functions or any(_function_interferes(f, trigger, door, command) for f in functions)


def _function_interferes(function: Function, trigger: Trigger, door: Door, command: str) -> bool:
    if function.language != "plpgsql" or function.body is None or _MAY_STOP.search(function.body):
        return True
    if trigger.timing != "BEFORE":
        return False
    if _DROPS_ROW.search(function.body) and trigger.for_each_row:
        return True
    try:
        effects = effects_of_plpgsql(function.definition or "", command)
    except SqlSyntaxError:
        return True
    return effects.remakes_row or effects.runs_dynamic_sql or door.tenant.name in effects.sets
