"""Sequences: those that stand for themselves or serve a default, and the parameters of those behind identity columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from platformkit_pipeline.model.snapshot import Column, Relation, RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for

_TEXT = re.compile(
    r"as (?P<type>\w+) start (?P<start>-?\d+) increment (?P<increment>-?\d+) minvalue (?P<min>-?\d+) maxvalue (?P<max>-?\d+) "
    r"cache (?P<cache>\d+)(?P<cycle> cycle)?(?: owned by (?P<owned>.*))?\Z",
    re.DOTALL,
)
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What the definition of an observed sequence says."""

    type: str
    options: str
    owner: tuple[str, str, str] | None
    """Schema, relation and column."""


def parameters_of(sequence: Relation) -> SequenceParameters | None:
    """None where the definition is not one that the catalogue queries write."""
    found = _TEXT.match(sequence.definition or "")
    if found is None:
        return None
    options = (
        f"start with {found['start']} increment by {found['increment']} minvalue {found['min']} maxvalue {found['max']} "
        f"cache {found['cache']} {'cycle' if found['cycle'] else 'no cycle'}"
    )
    names = [m[2] if m[1] is None else m[1].replace('""', '"') for m in _NAME.finditer(found["owned"] or "")]
    return SequenceParameters(found["type"], options, (names[0], names[1], names[2]) if len(names) == 3 else None)


def owned_sequences(snapshot: Snapshot) -> dict[tuple[str, str, str], Relation]:
    """By the column that owns it."""
    found = {}
    for relation in snapshot.relations:
        if relation.kind is RelationKind.SEQUENCE and (parameters := parameters_of(relation)) and parameters.owner:
            found[parameters.owner] = relation
    return found


def identity_columns(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    return {(c.schema, c.relation, c.name) for c in snapshot.columns if c.identity is not None}


def sequences(snapshot: Snapshot) -> Iterator[Statement]:
    """All but those of identity columns, which their tables make."""
    identities = identity_columns(snapshot)
    for relation in snapshot.relations:
        if relation.kind is not RelationKind.SEQUENCE or relation.extension is not None:
            continue
        parameters = parameters_of(relation)
        if parameters is not None and parameters.owner not in identities:
            kind = "unlogged sequence" if relation.persistence == "unlogged" else "sequence"
            name = quoted_in(relation.schema, relation.name)
            yield statement_for(relation, f"create {kind} {name} as {parameters.type} {parameters.options}")


def sequence_owners(snapshot: Snapshot) -> Iterator[Statement]:
    """Run when both have their owner: the server wants it to be the same."""
    identities = identity_columns(snapshot)
    for relation in snapshot.relations:
        if relation.kind is not RelationKind.SEQUENCE or relation.extension is not None:
            continue
        parameters = parameters_of(relation)
        if parameters is not None and parameters.owner is not None and parameters.owner not in identities:
            schema, table, column = parameters.owner
            target = f"{quoted_in(schema, table)}.{quoted(column)}"
            yield statement_for(relation, f"alter sequence {quoted_in(relation.schema, relation.name)} owned by {target}")


def identity_clause(column: Column, sequence: Relation | None) -> str:
    """`generated ... as identity`, with the sequence as it was named and set."""
    how = "always" if column.identity == "always" else "by default"
    parameters = None if sequence is None else parameters_of(sequence)
    if sequence is None or parameters is None:
        return f"generated {how} as identity"
    return f"generated {how} as identity (sequence name {quoted_in(sequence.schema, sequence.name)} {parameters.options})"
