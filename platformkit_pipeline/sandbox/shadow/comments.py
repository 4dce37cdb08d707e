"""Comments on everything whose comment was observed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.model.snapshot import RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.functions import signature
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for
from platformkit_pipeline.sqltext.identifiers import literal

_WORDS = {
    RelationKind.TABLE: "table",
    RelationKind.PARTITIONED_TABLE: "table",
    RelationKind.VIEW: "view",
    RelationKind.MATERIALIZED_VIEW: "materialized view",
    RelationKind.FOREIGN_TABLE: "foreign table",
    RelationKind.SEQUENCE: "sequence",
}


def comments(snapshot: Snapshot) -> Iterator[Statement]:
    for record, on in _commented(snapshot):
        yield statement_for(record, f"comment on {on} is {literal(record.comment)}")


def _commented(snapshot: Snapshot) -> Iterator[tuple[Any, str]]:
    of_extensions = {(r.schema, r.name) for r in snapshot.relations if r.extension is not None}
    for schema in snapshot.schemas:
        if schema.comment is not None and schema.extension is None:
            yield schema, f"schema {quoted(schema.name)}"
    for relation in snapshot.relations:
        if relation.comment is not None and relation.extension is None:
            yield relation, f"{_WORDS[relation.kind]} {quoted_in(relation.schema, relation.name)}"
    for function in snapshot.functions:
        if function.comment is not None and function.extension is None and function.definition is not None:
            yield function, f"routine {signature(function)}"
    for made in snapshot.types:
        if made.comment is not None and made.extension is None:
            yield made, f"type {quoted_in(made.schema, made.name)}"
    for column in snapshot.columns:
        if column.comment is not None and (column.schema, column.relation) not in of_extensions:
            yield column, f"column {quoted_in(column.schema, column.relation)}.{quoted(column.name)}"
    for index in snapshot.indexes:
        if index.comment is not None and (index.schema, index.relation) not in of_extensions:
            yield index, f"index {quoted_in(index.schema, index.name)}"
    for word, members in (("constraint", snapshot.constraints), ("policy", snapshot.policies), ("trigger", snapshot.triggers)):
        for member in members:
            if member.comment is not None and (member.schema, member.relation) not in of_extensions:
                yield member, f"{word} {quoted(member.name)} on {quoted_in(member.schema, member.relation)}"
