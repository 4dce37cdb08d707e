"""Whether a migration can be run again (clause 1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.migration_subject import Migration, MigrationSubject, failed_at, migration_rule
from platformkit_pipeline.rules.registry import Verdicts
from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    ColumnAdded,
    ColumnDropped,
    ColumnRenamed,
    Dropped,
    Made,
    RowsInserted,
    TableMade,
    TableRenamed,
)


@migration_rule(
    "MIG115",
    "not-idempotent",
    clause="1.4",
    severity=Severity.LOW,
    title="Statement that fails, or does something else, when it is run a second time",
    why="A migration that stopped half-way, a branch that has some of it, a repair: all of them run statements again.",
    how_to_fix=(
        "IF NOT EXISTS, IF EXISTS, OR REPLACE, ON CONFLICT; DROP ... IF EXISTS before a policy, a trigger, a constraint or a type; "
        "a DO block that looks first where the grammar has none of these."
    ),
    violating="create table public.notes (id uuid primary key);\nalter table public.notes enable row level security;",
    clean="create table if not exists public.notes (id uuid primary key);\nalter table public.notes enable row level security;",
)
def not_idempotent(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action, about, instead in _unguarded(migration):
            yield failed_at(migration, action.line, about, f"{about} cannot be run again{instead}")


def _unguarded(migration: Migration) -> Iterator[tuple[Action, str, str]]:
    """Acts of one file without a guard, what they are, and what would guard them. A branch or a handler is a guard."""
    cleared: set[tuple[str, str]] = set()
    fresh: set[str] = set()
    for action in migration.actions:
        if not action.certain:
            continue
        match action:
            case Dropped(kind=noun, name=name):
                cleared.add((noun, name))
                if not action.guarded:
                    yield action, f"drop {noun} {name}", ": IF EXISTS is missing"
            case TableMade(name=table, temporary=False):
                if not action.guarded:
                    fresh.add(str(table))  # what is made on it is as new as it is
                    if ("table", str(table)) not in cleared:
                        yield action, f"create table {table}", ": IF NOT EXISTS is missing"
            case Made(kind=noun, name=name):
                on = name.rpartition(" on ")[2]
                if not action.guarded and (noun, name) not in cleared and on not in fresh and not _on_fresh_index(noun, fresh):
                    yield action, f"create {noun} {name}", ""
            case ColumnAdded(table=table) if not action.guarded and str(table) not in fresh:
                yield action, f"add column {table}.{action.column.name}", ": IF NOT EXISTS is missing"
            case ColumnDropped(table=table) if not action.guarded:
                yield action, f"drop column {table}.{action.column}", ": IF EXISTS is missing"
            case RowsInserted(table=table) if not action.guarded and str(table) not in fresh and table.schema != "pg_temp":
                yield action, f"insert into {table}", ": ON CONFLICT is missing"
            case TableRenamed(old=old):
                yield action, f"rename of {old}", ""
            case ColumnRenamed(table=table, old=column):
                yield action, f"rename of {table}.{column}", ""


def _on_fresh_index(noun: str, fresh: set[str]) -> bool:
    """The name of an index does not tell its table; with a table made here without guard, that one fails first anyway."""
    return noun == "index" and bool(fresh)
