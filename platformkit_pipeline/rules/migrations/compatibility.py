"""Forward compatibility (clause 8.2): no loss of data, no column without values, a way back, a person who says yes."""

from __future__ import annotations

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.breaking_changes import BreakingChange, breaking_changes
from platformkit_pipeline.rules.migration_subject import Migration, MigrationSubject, failed_at, migration_rule, unknown_at
from platformkit_pipeline.rules.registry import Verdicts
from platformkit_pipeline.sqltext.migration_actions import RowsRemovedOrChanged, Unreadable
from platformkit_pipeline.sqltext.secrets import mask_secrets

APPROVAL = "MIG114"
BREAKING = frozenset({"MIG110", "MIG111", "MIG112", APPROVAL})
"""Rules that speak of breaking changes: none of their findings may pass without a person, whatever the threshold is."""

_APPLIED = """-- applied: 20240101000000_notes.sql
create table if not exists public.notes (id uuid primary key, body text, old text);
alter table public.notes enable row level security;
"""
_NEW = f"{_APPLIED}-- file: 20240102000000_change.sql\n"
_FILL = "update public.notes set body = old where body is null;"
_BACK = "-- rollback: 20240102000000_change.sql\n"


@migration_rule(
    "MIG110",
    "destructive-without-data-migration",
    clause="8.2",
    severity=Severity.HIGH,
    title="Statement that loses data which nothing has copied before",
    why=(
        "No DROP without data migration: a dropped table or column, a TRUNCATE or a narrower type takes rows or values away for good. "
        "No rollback brings them back."
    ),
    how_to_fix=(
        "Copy the data first, in an earlier statement or file of the same change (INSERT ... SELECT, UPDATE, CREATE TABLE AS), "
        "or rename the object away and drop it in a later release."
    ),
    references=("squawk:ban-drop-table", "squawk:ban-drop-column"),
    violating=f"{_NEW}alter table if exists public.notes drop column if exists old;\n{_BACK}alter table public.notes add column old text;",
    clean=_NEW + _FILL,
    also_fires=("MIG019", "MIG114"),
)
def destructive_without_data_migration(subject: MigrationSubject) -> Verdicts:
    for change in breaking_changes(subject):
        if change.undecided:
            yield unknown_at(change.migration, change.action.line, change.about, change.undecided)
        elif change.destructive and not change.data_moved:
            yield failed_at(change.migration, change.action.line, change.about, f"{change.what}, and nothing has copied the data before")


@migration_rule(
    "MIG111",
    "not-null-without-backfill",
    clause="8.2",
    severity=Severity.HIGH,
    title="NOT NULL without default or backfill",
    why="No ALTER without default or backfill: the statement fails on every table that has rows, and old clients can no longer insert.",
    how_to_fix="Add the column with a default, or nullable; fill it with UPDATE; set NOT NULL afterwards.",
    references=("squawk:adding-required-field", "squawk:adding-not-nullable-field"),
    violating=f"{_NEW}alter table public.notes add column if not exists owner uuid not null;\n{_BACK}"
    "alter table public.notes drop column owner;",
    clean=f"{_NEW}alter table public.notes add column if not exists kind text not null default 'note';",
    also_fires=("MIG023", "MIG114"),
)
def not_null_without_backfill(subject: MigrationSubject) -> Verdicts:
    for change in breaking_changes(subject):
        if change.unfilled:
            yield failed_at(change.migration, change.action.line, change.about, f"{change.what}, and nothing fills the rows that are there")


@migration_rule(
    "MIG112",
    "breaking-without-rollback",
    clause="8.2",
    severity=Severity.HIGH,
    title="Breaking change without a rollback",
    why="A rollback plan is required for breaking changes: when the release fails at night, nobody writes one under pressure.",
    how_to_fix=(
        "Write `supabase/rollbacks/<same file name>`, or a section of comments that begins with `-- platformkit:rollback` and holds "
        "the SQL. It has to parse."
    ),
    violating=f"{_NEW}alter table public.notes rename column old to former;",
    clean=_NEW + _FILL,
    also_fires=("MIG009", "MIG114", "MIG115"),
)
def breaking_without_rollback(subject: MigrationSubject) -> Verdicts:
    for migration, changes in _by_file(subject):
        if migration.rollback is None:
            first = changes[0]
            yield failed_at(migration, first.action.line, "rollback", f"{_told(changes)}, and there is no rollback that parses")


@migration_rule(
    APPROVAL,
    "needs-approval",
    clause="8.2",
    severity=Severity.INFO,
    title="Breaking change: a person has to approve it",
    why="Deployment gates require manual approval for breaking changes, however well they are prepared.",
    how_to_fix="Have somebody look at it who knows the clients of this database, and run again with `--approved-by NAME`.",
    violating=f"{_NEW}{_FILL}\n"
    f"alter table if exists public.notes drop column if exists old;\n{_BACK}alter table public.notes add column old text;",
    clean=_NEW + _FILL,
    also_fires=("MIG019",),
)
def needs_approval(subject: MigrationSubject) -> Verdicts:
    for migration, changes in _by_file(subject):
        complete = migration.rollback is not None and not any((c.destructive and not c.data_moved) or c.unfilled for c in changes)
        state = "data and rollback are cared for" if complete else "it is not complete, see the other findings"
        yield failed_at(
            migration, changes[0].action.line, "approval", f"{_told(changes)}: needs manual approval; {state}", complete=complete
        )


def _by_file(subject: MigrationSubject) -> list[tuple[Migration, list[BreakingChange]]]:
    grouped: dict[str, tuple[Migration, list[BreakingChange]]] = {}
    for change in breaking_changes(subject):
        grouped.setdefault(change.migration.path, (change.migration, []))[1].append(change)
    return list(grouped.values())


def _told(changes: list[BreakingChange]) -> str:
    first, *others = changes
    return first.what + (f", and {len(others)} more" if others else "")


@migration_rule(
    "MIG113",
    "write-without-where",
    clause="8.2",
    severity=Severity.HIGH,
    title="UPDATE or DELETE of every row",
    why="Without WHERE, or with one that is always true, the whole table is rewritten or emptied, and its rows are locked all the while.",
    how_to_fix="Say which rows are meant, e.g. `where new_column is null`; that also makes the statement repeatable.",
    violating=_NEW + "delete from public.notes;",  # noqa: S608 - an example; nobody runs it
    clean=_NEW + "delete from public.notes where body is null;",  # noqa: S608 - an example, never run on data
)
def write_without_where(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action in migration.actions:
            if isinstance(action, RowsRemovedOrChanged) and not action.filtered and action.table.schema != "pg_temp":
                word = "changes" if action.command == "UPDATE" else "deletes"
                yield failed_at(migration, action.line, f"{action.command} {action.table}", f"{word} every row of {action.table}")


@migration_rule(
    "MIG117",
    "unreadable-block",
    clause="8.2",
    severity=Severity.HIGH,
    title="Dynamic SQL or a DO block that cannot be followed",
    why="What is put together when it runs may drop, grant or open anything, and no review of the file shows it.",
    how_to_fix=(
        "Write the statements out, or build them with `format` from a constant template and `%I` or `%L`: those are followed. "
        "The block needs a reviewer otherwise."
    ),
    violating="do $$\nbegin\n  execute current_setting('app.statement');\nend $$;",
    clean="do $$\nbegin\n  execute format('comment on table public.%I is %L', 'notes', 'ours');\nend $$;",
)
def unreadable_block(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action in migration.actions:
            if isinstance(action, Unreadable):
                yield unknown_at(migration, action.line, "dynamic SQL", f"{mask_secrets(action.reason)}: what it does is not in the file")
