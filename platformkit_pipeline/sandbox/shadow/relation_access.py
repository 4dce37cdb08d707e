"""Who owns relations, what they and their columns grant, and whose rows are guarded."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.access import changes, default_privileges_of
from platformkit_pipeline.sandbox.shadow.sequences import parameters_of
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for


def relation_owners(snapshot: Snapshot, superuser: str) -> Iterator[Statement]:
    """A sequence behind an identity column follows its table."""
    identities = {(c.schema, c.relation, c.name) for c in snapshot.columns if c.identity is not None}
    for relation in snapshot.relations:
        if relation.extension is not None or relation.owner == superuser:
            continue
        if relation.kind is RelationKind.SEQUENCE and (parameters := parameters_of(relation)) and parameters.owner in identities:
            continue
        yield statement_for(relation, f"alter table {quoted_in(relation.schema, relation.name)} owner to {quoted(relation.owner)}")


def row_security(snapshot: Snapshot) -> Iterator[Statement]:
    for relation in snapshot.relations:
        if relation.extension is None and (relation.row_security or relation.force_row_security):
            actions = ["enable row level security"] if relation.row_security else []
            actions += ["force row level security"] if relation.force_row_security else []
            yield statement_for(relation, f"alter table {quoted_in(relation.schema, relation.name)} {', '.join(actions)}")


def relation_privileges(snapshot: Snapshot) -> Iterator[Statement]:
    """Also on those of extensions: they got what default privileges gave when the extension was created."""
    for relation in snapshot.relations:
        kind = "sequence" if relation.kind is RelationKind.SEQUENCE else "table"
        have = default_privileges_of(kind, relation.owner)
        for sql in changes(kind, f"{kind} {quoted_in(relation.schema, relation.name)}", have, relation.privileges):
            yield statement_for(relation, sql)


def column_privileges(snapshot: Snapshot) -> Iterator[Statement]:
    of_extensions = {(r.schema, r.name) for r in snapshot.relations if r.extension is not None}
    for column in snapshot.columns:
        if column.privileges and (column.schema, column.relation) not in of_extensions:
            on = f"table {quoted_in(column.schema, column.relation)}"
            for sql in changes("column", on, (), column.privileges, columns=f"({quoted(column.name)})"):
                yield statement_for(column, sql)
