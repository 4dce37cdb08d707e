"""A trigger that keeps updated_at: with the function that the project uses for that already, or one for all tables of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from platformkit_pipeline.model.identity import function_identity, member_identity
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Function, Relation, Trigger
from platformkit_pipeline.remediation.authority import APPLYING_ROLE, no_room_in
from platformkit_pipeline.remediation.object_names import fitting_name, object_name
from platformkit_pipeline.remediation.partitioned_indexes import all_partitions_of
from platformkit_pipeline.rules.database.audit_columns import timestamps_missing, updated_at_not_maintained
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.rules.database.trigger_functions import TriggerFunctions, Unreadable, arguments_of
from platformkit_pipeline.rules.registry import Verdict
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified

_MODDATETIME = "moddatetime"
_NAMED_AT_MOST = 10
"""Tables that a note names."""


@dataclass(frozen=True, slots=True)
class Touch:
    """What a patch does to have the column of one table kept."""

    up: tuple[str, ...]
    down: tuple[str, ...]
    objects: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Keeper:
    """The function that triggers of the plan call."""

    schema: str
    name: str
    call: str
    """With its arguments, as a trigger has it."""
    created: bool


def touch_of(catalog: Catalog, table: Relation) -> Touch:
    """A trigger for `table`. Where the function is made by the plan, undoing one patch takes it from all of its tables."""
    keeper = _keeper(catalog, table)
    name = qualified(table.schema, table.name)
    trigger = _trigger_name(catalog, table)
    drop = f"drop trigger if exists {identifier(trigger)} on {name}"
    create = f"create trigger {identifier(trigger)} before update on {name} for each row execute function {keeper.call}"
    objects = [member_identity("trigger", t.schema, t.name, trigger).canonical for t in (table, *all_partitions_of(catalog, table))]
    note = f"From now on {catalog.declarations.updated_at} is what the server's clock says, whatever a client sends."
    if not keeper.created:
        return Touch((drop, create), (drop,), tuple(objects), (note,))
    shared = [t for t in _waiting(catalog) if t != (table.schema, table.name) and _keeper(catalog, catalog.relations[t]) == keeper]
    undone = [_dropped(catalog, t) for t in shared]
    notes = [note]
    if shared:
        more = f" and {len(shared) - _NAMED_AT_MOST} more" if len(shared) > _NAMED_AT_MOST else ""
        tables = ", ".join(f"{schema}.{relation}" for schema, relation in shared[:_NAMED_AT_MOST]) + more
        notes.append(
            f"The same function serves {tables}: it is created once, and undoing this patch takes it and its triggers from all of them."
        )
    return Touch(
        (*_creation(catalog, keeper), drop, create),
        (drop, *undone, f"drop function if exists {qualified(keeper.schema, keeper.name)}()"),
        (*objects, function_identity(keeper.schema, keeper.name, "").canonical),
        tuple(notes),
    )


def no_function_for(catalog: Catalog, table: Relation) -> str | None:
    """Why there is no function for a trigger of the table, and none can be made."""
    keeper = _keeper(catalog, table)
    return no_room_in(catalog, keeper.schema) if keeper.created else None


def keeps(catalog: Catalog, trigger: Trigger) -> bool:
    """Before each update of a row, the trigger sets the column and does nothing else; whether it is enabled is not asked."""
    if not ("UPDATE" in trigger.events and trigger.for_each_row and trigger.timing == "BEFORE"):
        return False
    column = catalog.declarations.updated_at
    if trigger.function_name == _MODDATETIME:
        return arguments_of(trigger) == (column,)
    effects = _functions(catalog).effects(trigger, "UPDATE")
    if isinstance(effects, Unreadable):
        return False
    return effects.sets == {column} and not (effects.remakes_row or effects.inserts_into or effects.changes or effects.runs_dynamic_sql)


# -- the function -------------------------------------------------------------------------------------------------------
def _keeper(catalog: Catalog, table: Relation) -> _Keeper:
    return _known_keeper(catalog) or _new_keeper(catalog, table.schema)


@lru_cache(maxsize=1)
def _known_keeper(catalog: Catalog) -> _Keeper | None:
    """The function that keeps the column of most tables, then the extension that is made for it."""
    used: Counter[Name] = Counter()
    functions = _functions(catalog)
    for trigger in catalog.snapshot.triggers:
        function = functions.function_of(trigger)
        if function is None or (trigger.schema, trigger.relation) not in catalog.table_names or function.extension is not None:
            continue
        if keeps(catalog, trigger) and not arguments_of(trigger) and _may_be_called(catalog, function):
            used[(function.schema, function.name)] += 1
    if used:
        schema, name = min(used, key=lambda n: (-used[n], n))
        return _Keeper(schema, name, f"{qualified(schema, name)}()", created=False)
    for function in catalog.functions_named(_MODDATETIME, None):
        if function.extension == _MODDATETIME and catalog.may_execute(APPLYING_ROLE, function):
            call = f"{qualified(function.schema, function.name)}({literal(catalog.declarations.updated_at)})"
            return _Keeper(function.schema, function.name, call, created=False)
    return None


def _may_be_called(catalog: Catalog, function: Function) -> bool:
    """By whoever creates the trigger; afterwards nobody asks."""
    return not function.security_definer and catalog.may_execute(APPLYING_ROLE, function)


@lru_cache(maxsize=1024)
def _new_keeper(catalog: Catalog, schema_of_table: str) -> _Keeper:
    """In `public`, where the owners may create something there, for all tables; else in the schema of the table."""
    there = any(s.name == "public" for s in catalog.snapshot.schemas)
    schema = "public" if there and no_room_in(catalog, "public") is None else schema_of_table
    stem = catalog.declarations.updated_at
    taken = {f.name for f in catalog.snapshot.functions if f.schema == schema}
    name, number = fitting_name("touch", suffix=stem), 1
    while name in taken:
        number += 1
        name = object_name("touch", stem, suffix=str(number))
    return _Keeper(schema, name, f"{qualified(schema, name)}()", created=True)


def _creation(catalog: Catalog, keeper: _Keeper) -> Iterator[str]:
    """Callers need no EXECUTE on a trigger's function, so nobody gets it."""
    function = f"{qualified(keeper.schema, keeper.name)}()"
    body = f"begin\n  new.{identifier(catalog.declarations.updated_at)} := pg_catalog.now();\n  return new;\nend"
    yield (
        f"create or replace function {function} returns trigger language plpgsql security invoker set search_path = '' as {literal(body)}"
    )
    known = {role.name for role in catalog.snapshot.roles}
    roles = ", ".join(["public", *(r for r in ("anon", "authenticated", "service_role") if r in known)])
    yield f"revoke all on function {function} from {roles}"


@lru_cache(maxsize=8192)
def _dropped(catalog: Catalog, table: Name) -> str:
    return f"drop trigger if exists {identifier(_trigger_name(catalog, catalog.relations[table]))} on {qualified(*table)}"


# -- the tables ---------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _waiting(catalog: Catalog) -> tuple[Name, ...]:
    """Tables whose column nothing keeps, or that will get it from the plan."""
    column = catalog.declarations.updated_at
    judged = (v for v in (*updated_at_not_maintained(catalog), *timestamps_missing(catalog)) if isinstance(v, Verdict))
    failing = (v for v in judged if v.outcome is Outcome.FAIL and column in v.evidence.get("missing", (column,)))
    return tuple(sorted({(v.object.schema or "", v.object.name) for v in failing}))


def _trigger_name(catalog: Catalog, table: Relation) -> str:
    """One that is free on the table and its partitions."""
    taken = {t.name for r in (table, *all_partitions_of(catalog, table)) for t in catalog.triggers_of(r)}
    stem = catalog.declarations.updated_at
    name, number = fitting_name("touch", suffix=stem), 1
    while name in taken:
        number += 1
        name = object_name("touch", stem, suffix=str(number))
    return name


@lru_cache(maxsize=1)
def _functions(catalog: Catalog) -> TriggerFunctions:
    return TriggerFunctions(catalog)
