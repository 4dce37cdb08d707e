"""What the set leaves behind: tables without row level security, functions and views that lost what protected them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.migration_subject import Migration, MigrationSubject, failed_at, migration_rule, unknown_at
from platformkit_pipeline.rules.registry import Verdicts
from platformkit_pipeline.sqltext.migration_actions import (
    ANY_NAME,
    Action,
    Dropped,
    EventTriggerMade,
    FunctionAltered,
    FunctionCalled,
    FunctionWritten,
    QualifiedName,
    RowSecuritySet,
    TableMade,
    TableRenamed,
    Unreadable,
    ViewAltered,
    ViewWritten,
)

_PHRASE = "row level security"


@dataclass(slots=True)
class _Table:
    migration: Migration
    line: int
    protected: bool = False
    perhaps: str = ""
    """What may have protected or dropped it."""


@migration_rule(
    "MIG123",
    "table-without-row-security",
    clause="2.1",
    severity=Severity.CRITICAL,
    title="Table that has no row level security by the end of the migrations",
    why="A table in an exposed schema without row level security belongs to everybody who holds the public key and a grant.",
    how_to_fix="`alter table ... enable row level security` in the same file, with policies for those who shall get in. Partitions too.",
    references=("splinter:rls_disabled_in_public", "cwe:284"),
    violating="create table if not exists public.notes (id uuid primary key);",
    clean="create table if not exists public.notes (id uuid primary key);\nalter table public.notes enable row level security;",
)
def table_without_row_security(subject: MigrationSubject) -> Verdicts:
    for name, table in _tables_at_the_end(subject).items():
        if table.protected or not table.migration.judged or name.schema not in subject.exposed_schemas:
            continue
        about = f"table {name}"
        if table.perhaps:
            yield unknown_at(table.migration, table.line, about, f"{name} is made without row level security, unless {table.perhaps}")
        else:
            yield failed_at(
                table.migration, table.line, about, f"{name} is made and has no row level security by the end of the migrations"
            )


def _tables_at_the_end(subject: MigrationSubject) -> dict[QualifiedName, _Table]:
    tables: dict[QualifiedName, _Table] = {}
    bodies: dict[str, str] = {}
    always = ""
    for migration, action in subject.acts:
        match action:
            case TableMade(name=name, temporary=False):
                if not (action.guarded and name in tables):
                    tables[name] = _Table(migration, action.line, perhaps=always)
            case TableRenamed(old=old, new=new) if old in tables:
                tables[new] = tables.pop(old)
                if new.schema != old.schema:  # it is this file that brings it within reach
                    tables[new] = replace(tables[new], migration=migration, line=action.line)
            case Dropped():
                _drop(tables, migration, action)
            case RowSecuritySet():
                _set(tables, migration, action)
            case FunctionWritten(name=name):
                bodies[name.name] = action.body.lower()
            case EventTriggerMade(function=function) if _PHRASE in bodies.get(function, ""):
                always = f"the event trigger of {migration.path} does it"
            case FunctionCalled(name=called) if _PHRASE in bodies.get(called, ""):
                _perhaps(tables, f"{called}(), called in line {action.line} of {migration.path}, does it")
            case Unreadable(hint=hint) if not hint or _PHRASE in hint or "drop" in hint:
                _perhaps(tables, f"the dynamic SQL in line {action.line} of {migration.path} does it")
    if subject.set.unreadable:
        _perhaps(tables, f"{subject.set.unreadable[0].path}, which could not be read, does it")
    return tables


def _drop(tables: dict[QualifiedName, _Table], migration: Migration, action: Dropped) -> None:
    gone = [action.table] if action.table else [n for n in tables if n.schema == action.name] if action.kind == "schema" else []
    for name in gone:
        if name in tables and action.certain:
            del tables[name]
        elif name in tables:
            tables[name].perhaps = f"line {action.line} of {migration.path} drops it"


def _set(tables: dict[QualifiedName, _Table], migration: Migration, action: RowSecuritySet) -> None:
    if action.table in tables:
        table = tables[action.table]
        if action.certain or not action.enabled:
            table.protected = action.enabled
        elif not table.protected:
            table.perhaps = f"line {action.line} of {migration.path} does it"
    elif not action.table.known and action.enabled:
        reached = {n: t for n, t in tables.items() if action.table.schema in (ANY_NAME, n.schema)}
        _perhaps(reached, f"line {action.line} of {migration.path} does it for each table that it finds")


def _perhaps(tables: dict[QualifiedName, _Table], why: str) -> None:
    for table in tables.values():
        if not table.protected:
            table.perhaps = why


# -- functions and views ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Function:
    migration: Migration
    line: int
    label: str
    definer: bool
    fixed: bool


_Functions = dict[tuple[QualifiedName, str], _Function]
"""By name and argument types."""


def _learn(functions: _Functions, migration: Migration, action: Action) -> None:
    """Bring `functions` up to date with one act."""
    match action:
        case FunctionWritten(name=name, arguments=arguments):
            functions[name, arguments] = _Function(migration, action.line, action.signature, action.definer, action.fixed_path)
        case FunctionAltered(name=name, arguments=arguments):
            keys = [key for key in functions if key[0] == name] if arguments is None else [(name, arguments)]
            for key in keys:
                known = functions.get(key) or _Function(migration, action.line, f"{name}({key[1]})", definer=False, fixed=False)
                definer = known.definer if action.definer is None else action.definer
                fixed = known.fixed if action.fixed_path is None else action.fixed_path
                functions[key] = _Function(migration, action.line, known.label, definer, fixed)
        case Dropped(kind="function", name=label):
            for key in [key for key, f in functions.items() if label in (f.label, str(key[0]))]:
                del functions[key]


@migration_rule(
    "MIG124",
    "definer-without-search-path",
    clause="2.2",
    severity=Severity.CRITICAL,
    title="SECURITY DEFINER function without a fixed search_path",
    why="It runs with its owner's rights and resolves names by the caller's search_path: the caller decides which objects it uses.",
    how_to_fix="Add `set search_path = ''` and qualify every name in the body.",
    references=("splinter:function_search_path_mutable", "cwe:426"),
    violating="create or replace function public.f() returns bigint language sql security definer as 'select 1';",
    clean="create or replace function public.f() returns bigint language sql security definer set search_path = '' as 'select 1';",
)
def definer_without_search_path(subject: MigrationSubject) -> Verdicts:
    functions: _Functions = {}
    for migration, action in subject.acts:
        _learn(functions, migration, action)
    for function in functions.values():
        if function.migration.judged and function.definer and not function.fixed:
            about = f"function {function.label}"
            message = f"{function.label} is SECURITY DEFINER and takes its search_path from the caller"
            yield failed_at(function.migration, function.line, about, message)


@migration_rule(
    "MIG125",
    "protection-lost",
    clause="8.2",
    severity=Severity.HIGH,
    title="Function or view written anew without the setting that protected it",
    why=(
        "CREATE OR REPLACE keeps the grants and forgets the rest: without SET the function loses its search_path, "
        "without WITH the view loses security_invoker and reads with its owner's rights again."
    ),
    how_to_fix="Repeat the setting in the new text: `set search_path = ''`, `with (security_invoker = true)`.",
    violating="-- file: 20240101000000_one.sql\n"
    "create or replace function public.f() returns bigint language sql set search_path = '' as 'select 1';\n"
    "-- file: 20240102000000_two.sql\n"
    "create or replace function public.f() returns bigint language sql as 'select 2';",
    clean="-- file: 20240101000000_one.sql\n"
    "create or replace function public.f() returns bigint language sql set search_path = '' as 'select 1';\n"
    "-- file: 20240102000000_two.sql\n"
    "create or replace function public.f() returns bigint language sql set search_path = '' as 'select 2';",
)
def protection_lost(subject: MigrationSubject) -> Verdicts:
    functions: _Functions = {}
    views: dict[QualifiedName, bool] = {}
    for migration in subject.migrations:
        before = {key: functions[key] for key in _written(migration) if key in functions}
        invoked = {name for name, invoker in views.items() if invoker}
        for action in migration.actions:
            _learn(functions, migration, action)
            if isinstance(action, ViewWritten | ViewAltered):
                views[action.name] = action.invoker
        if migration.judged:
            yield from _functions_that_lost(migration, before, functions)
            yield from _views_that_lost(migration, invoked, views)


def _written(migration: Migration) -> set[tuple[QualifiedName, str]]:
    return {(action.name, action.arguments) for action in migration.actions if isinstance(action, FunctionWritten)}


def _functions_that_lost(migration: Migration, before: _Functions, after: _Functions) -> Verdicts:
    for key, was in before.items():
        now = after.get(key)
        if was.fixed and now and not now.fixed:
            message = f"{now.label} loses the search_path that {was.migration.path} gave it"
            yield failed_at(migration, now.line, f"function {now.label}", message)


def _views_that_lost(migration: Migration, invoked: set[QualifiedName], views: dict[QualifiedName, bool]) -> Verdicts:
    lines = {a.name: a.line for a in migration.actions if isinstance(a, ViewWritten | ViewAltered)}
    for name, line in lines.items():
        if name in invoked and not views[name]:
            message = f"{name} loses security_invoker, which an earlier migration gave it"
            yield failed_at(migration, line, f"view {name}", message)
