"""Patches for AUD001 and AUD005: columns that tell when a row came to be and when it last changed, and a trigger that keeps the latter."""

from __future__ import annotations

import re

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.authority import why_not_ours
from platformkit_pipeline.remediation.partitioned_indexes import all_partitions_of
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.touch_triggers import Touch, keeps, no_function_for, touch_of
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.trigger_functions import TriggerFunctions, fires
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

_NOTHING = Touch((), (), (), ())
_WHOLE_ROW = re.compile(r"\b(?:old|new)\s*\)?\s*\.\s*\*", re.IGNORECASE)
_TYPE = "timestamptz not null default current_timestamp"


def add_timestamps(catalog: Catalog, finding: Result) -> Proposal:
    """The columns, with the time of the patch for rows that are there, and the trigger in the same patch (clause 5.3)."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name, missing = qualified(table.schema, table.name), tuple(finding.evidence["missing"])
    alter = f"alter table {name}"
    added = tuple(f"{alter} add column if not exists {identifier(column)} {_TYPE}" for column in missing)
    if why := _not_alterable(catalog, table) or no_function_for(catalog, table):
        return ByHand(why, tuple(f"`{statement}`" for statement in added))
    kept = any(fires(t, "UPDATE") and keeps(catalog, t) for t in catalog.triggers_of(table))
    touch = touch_of(catalog, table) if catalog.declarations.updated_at in missing and not kept else _NOTHING
    tables = (table, *all_partitions_of(catalog, table))
    return Change(
        f"Add {' and '.join(missing)} to {name}",
        (*added, *touch.up),
        (*touch.down, *(f"{alter} drop column if exists {identifier(column)}" for column in reversed(missing))),
        notes=(
            "Rows that are there get the time at which this is applied, which is not when they came to be or last changed. Where another "
            "column or a log knows better, fill it from there afterwards.",
            "Whoever may read the table reads the new columns. Code that copies whole rows (`insert into history select old.*`) or returns "
            "them column by column has to learn of them. Undoing this loses what they hold.",
            "The table is locked for a moment and not rewritten.",
            *touch.notes,
        ),
        objects=(*(member_identity("column", t.schema, t.name, column).canonical for t in tables for column in missing), *touch.objects),
    )


def keep_updated_at(catalog: Catalog, finding: Result) -> Proposal:
    """A trigger that sets the column on every update (clause 5.3)."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name, column = qualified(table.schema, table.name), catalog.declarations.updated_at
    found = catalog.column(table, column)
    touch = touch_of(catalog, table)
    steps = tuple(f"`{statement}`" for statement in touch.up)
    if why := why_not_ours(catalog, table.owner) or no_function_for(catalog, table):
        return ByHand(why, steps)
    if found is None or not found.type.startswith(("timestamp with", "timestamp(")):
        return ByHand(f"{column} is {found.type if found else 'not there'}, which takes no time of a clock (AUD002)", steps)
    for trigger in catalog.triggers_of(table):
        if not fires(trigger, "UPDATE") and keeps(catalog, trigger):
            return ByHand(
                f"trigger {trigger.name} would keep it and is disabled, which somebody may have meant",
                (f"`alter table {name} enable trigger {identifier(trigger.name)}`",),
            )
    return Change(
        f"Keep {column} of {name} by a trigger",
        touch.up,
        touch.down,
        notes=(*touch.notes, "The table is locked against writers for a moment."),
        objects=touch.objects,
    )


def _not_alterable(catalog: Catalog, table: Relation) -> str | None:
    if why := why_not_ours(catalog, table.owner):
        return why
    heirs = [f"{r.schema}.{r.name}" for r in catalog.snapshot.relations if not r.is_partition and (table.schema, table.name) in r.parents]
    if heirs:
        return f"tables inherit from it and would get the columns as well: {', '.join(sorted(heirs))}"
    functions = TriggerFunctions(catalog)
    for trigger in catalog.triggers_of(table):
        function = functions.function_of(trigger)
        if function is not None and _WHOLE_ROW.search(function.body or ""):
            return f"trigger {trigger.name} copies whole rows, to a place that may have no such columns"
    return None
