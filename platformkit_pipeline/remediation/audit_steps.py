"""What a person does about the audit trail: AUD002, AUD003 and AUD004."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Relation, Trigger
from platformkit_pipeline.remediation.object_names import fitting_name
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.remediation.rows_first import not_null_steps
from platformkit_pipeline.rules.database.audit_logs import AuditLogs
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.trigger_functions import TriggerFunctions, arguments_of, fires, is_conditional
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def mend_timestamp(catalog: Catalog, finding: Result) -> Proposal:
    """AUD002: which time zone old values are of, and what missing ones should say, is for a person."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name, column = qualified(table.schema, table.name), dict(finding.object.detail)["column"]
    quoted, steps = identifier(column), list[str]()
    if not finding.evidence["type"].startswith(("timestamp with time zone", "timestamp(")):
        steps.append(
            f"If its values are of time zone UTC: `alter table {name} alter column {quoted} type timestamptz using {quoted}::timestamp "
            "at time zone 'UTC'`. It rewrites the table unless the session's time zone is UTC, and locks it meanwhile; views, policies "
            "and triggers that name the column are dropped first and created anew in the same transaction."
        )
    if not finding.evidence["not_null"]:
        steps += not_null_steps(table, column, "now()")
        steps.append("now() is no better than a guess: take a time that another column or a log knows where there is one.")
    return ByHand("what old values mean, and what missing ones should be, is not in the catalogue", tuple(steps))


def add_actor_columns(catalog: Catalog, finding: Result) -> Proposal:
    """AUD003: columns that begin empty, are filled by somebody who knows, and only then are required."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(table.schema, table.name)
    missing: Sequence[str] = finding.evidence["missing"]
    steps = [
        f"`alter table {name} add column {identifier(c)} uuid default auth.uid() references auth.users (id) on delete restrict`"
        for c in missing
    ]
    if missing:
        steps.append(
            "auth.uid() is empty for jobs of the server side: they have to name an account, and updates have to set "
            f"{catalog.declarations.updated_by} as well (a trigger before update)."
        )
    for column in (*missing, *finding.evidence["nullable"]):
        steps += not_null_steps(table, column, "<account that old rows are put down to>")
    steps += [f"`create index concurrently on {name} ({identifier(c)})`, outside a transaction block." for c in missing]
    return ByHand("who made and changed the rows that are there is known to nobody but a person", tuple(steps))


def log_deletions(catalog: Catalog, finding: Result) -> Proposal:
    """AUD004: with the function that other tables log with, where there is one."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    operations: Sequence[str] = finding.evidence["operations"]
    found = {operation: _logging(catalog, operation) for operation in operations}
    steps = [step for operation, trigger in found.items() if trigger for step in _same(table, trigger, operation)]
    if None in found.values():
        steps.append(
            "Create a log that only grows, and a function for it: a table in a schema that is not exposed; `security definer set "
            "search_path = ''`; it inserts what was deleted (`to_jsonb(old)`), when, and by whom (`auth.uid()`, `session_user`)."
        )
        steps.append(
            f"Attach it after DELETE for each row and after TRUNCATE for each statement on {qualified(table.schema, table.name)}. "
            "Deletions fail when the function does: try one."
        )
    if "TRUNCATE" in operations:
        holders = ", ".join("public" if r == "PUBLIC" else identifier(r) for r in finding.evidence["may_truncate"])
        steps.append(f"Or let nobody truncate: `revoke truncate on table {qualified(table.schema, table.name)} from {holders}`")
    return ByHand(
        "what a log has to hold is a decision, and a trigger that does not fit the table's columns stops all deletions", tuple(steps)
    )


def _logging(catalog: Catalog, operation: str) -> Trigger | None:
    """A trigger of another table that logs the operation whatever the row; its function takes no arguments."""
    functions = TriggerFunctions(catalog)
    logs = AuditLogs(catalog, functions)
    for trigger in catalog.snapshot.triggers:
        own = (trigger.schema, trigger.relation)
        if own not in catalog.table_names or not fires(trigger, operation) or is_conditional(trigger) or arguments_of(trigger):
            continue
        if "REFERENCING" not in trigger.definition and any(
            logs.takes_a_log(n) for n in functions.written(trigger, operation).relations - {own}
        ):
            return trigger
    return None


def _same(table: Relation, trigger: Trigger, operation: str) -> Iterator[str]:
    name = identifier(fitting_name("log", suffix=operation.lower()))
    function = qualified(trigger.function_schema, trigger.function_name)
    level = "row" if trigger.for_each_row else "statement"
    yield (
        f"Function {function}() logs it for {trigger.schema}.{trigger.relation}; make sure that it fits the columns of this table: "
        f"`create trigger {name} {trigger.timing.lower()} {operation.lower()} on {qualified(table.schema, table.name)} "
        f"for each {level} execute function {function}()`"
    )
