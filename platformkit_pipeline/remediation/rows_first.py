"""Steps that begin with rows: what a person looks for and mends before the schema can say it. Each is text with SQL in backticks."""

from __future__ import annotations

from collections.abc import Sequence

from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.object_names import fitting_name
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def not_null_steps(table: Relation, column: str, fill: str) -> tuple[str, ...]:
    """NOT NULL without a long lock: the check is validated beside the writers, and SET NOT NULL then believes it.

    `fill` is the expression that rows without a value get; a `<placeholder>` where a person has to know.
    """
    name, quoted = qualified(table.schema, table.name), identifier(column)
    check = identifier(fitting_name(table.name, column, suffix="present"))
    return (
        f"Fill what is missing, in portions where there is much: `update {name} set {quoted} = {fill} where {quoted} is null`",  # noqa: S608 - a text for people, names are quoted
        f"`alter table {name} add constraint {check} check ({quoted} is not null) not valid`: new rows are checked from here on.",
        f"`alter table {name} validate constraint {check}`, in a transaction of its own: it reads all rows and locks nobody out.",
        f"`alter table {name} alter column {quoted} set not null`",
        f"`alter table {name} drop constraint {check}`",
    )


def orphans(table: Relation, columns: Sequence[str], referenced: Relation, referenced_columns: Sequence[str]) -> str:
    """A query for the rows that refer to nothing."""
    name, target = qualified(table.schema, table.name), qualified(referenced.schema, referenced.name)
    given = " and ".join(f"referring.{identifier(c)} is not null" for c in columns)
    pairs = zip(referenced_columns, columns, strict=True)
    same = " and ".join(f"referred.{identifier(r)} = referring.{identifier(c)}" for r, c in pairs)
    return f"select referring.* from {name} as referring where {given} and not exists (select from {target} as referred where {same})"  # noqa: S608 - a text for people, names are quoted


def added_reference(
    table: Relation, columns: Sequence[str], referenced: Relation, referenced_columns: Sequence[str], on_delete: str
) -> tuple[str, ...]:
    """A foreign key that writers are held to at once, and old rows when it is validated."""
    name = qualified(table.schema, table.name)
    constraint = identifier(fitting_name(table.name, *columns, suffix="fkey"))
    key, target = ", ".join(map(identifier, columns)), ", ".join(map(identifier, referenced_columns))
    action = f" on delete {on_delete}" if on_delete else ""
    return (
        f"`alter table {name} add constraint {constraint} foreign key ({key}) references "
        f"{qualified(referenced.schema, referenced.name)} ({target}){action} not valid`",
        f"`alter table {name} validate constraint {constraint}`, in a transaction of its own: it fails while a row refers to nothing.",
    )
