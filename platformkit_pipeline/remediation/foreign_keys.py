"""Patches for FKY002: foreign keys that say what they do when the row they refer to is deleted."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Constraint, Relation, RelationKind
from platformkit_pipeline.remediation.authority import may_refer_to, why_not_ours
from platformkit_pipeline.remediation.object_names import fitting_name, object_name
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified

_RESTRICT = "ON DELETE RESTRICT"


def make_restrict_explicit(catalog: Catalog, finding: Result) -> Proposal:
    """ON DELETE RESTRICT where that is what happens today; where it is not, or may not be, a person decides (clause 5.2).

    The new constraint stands beside the old one until it is validated: rows are guarded all the time, and as the old one was
    valid, no row can be in the way of the new one.
    """
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = dict(finding.object.detail)["constraint"]
    key = next(k for k in catalog.foreign_keys_of(table) if k.name == name)
    if why := next(_doubts(catalog, table, key), None):
        return ByHand(why, tuple(_steps(table, key)))
    spare = _spare_name(catalog, table, name)
    return Change(
        f"Say ON DELETE RESTRICT for foreign key {name} of {qualified(table.schema, table.name)}",
        tuple(_replaced(table, key, spare, f"{key.definition} {_RESTRICT}")),
        tuple(_replaced(table, key, spare, key.definition)),
        transactional=False,
        notes=(
            "Deletes that fail today go on failing. If the rows should go with what they refer to (CASCADE) or lose the reference "
            "(SET NULL), decide that instead of applying this.",
            "RESTRICT looks at once, NO ACTION at the end of the statement: a single statement that deletes both sides (WITH ... DELETE) "
            "fails from now on.",
            "Every statement commits by itself, so that no lock is held while the rows are validated. Both tables are locked for a moment.",
        ),
        objects=(finding.object.canonical,),
    )


def _replaced(table: Relation, key: Constraint, spare: str, definition: str) -> Iterator[str]:
    alter, name = f"alter table {qualified(table.schema, table.name)}", identifier(key.name)
    spare = identifier(spare)
    yield f"{alter} drop constraint if exists {spare}"
    yield f"{alter} add constraint {spare} {definition} NOT VALID"
    yield f"{alter} validate constraint {spare}"
    yield f"{alter} drop constraint if exists {name}"
    yield f"{alter} rename constraint {spare} to {name}"
    if key.comment is not None:
        yield f"comment on constraint {name} on {qualified(table.schema, table.name)} is {literal(key.comment)}"


def _doubts(catalog: Catalog, table: Relation, key: Constraint) -> Iterator[str]:
    """Why the constraint cannot be replaced, or RESTRICT would not be what happens today."""
    referenced = catalog.relations.get((key.referenced_schema or "", key.referenced_relation or ""))
    if why := why_not_ours(catalog, table.owner):
        yield why
    if referenced is None or not may_refer_to(catalog, referenced):
        yield f"postgres may not create foreign keys to {key.referenced_schema}.{key.referenced_relation}"
        return
    if key.deferrable:
        yield "it is deferrable, which RESTRICT is not: what is deleted and put back in one transaction would fail at once"
    if not key.validated or not key.enforced:
        yield "it is not valid, so that rows may be in the way of a new constraint (FKY004 comes first)"
    if table.kind is RelationKind.PARTITIONED_TABLE or table.is_partition:
        yield "PostgreSQL adds no foreign key NOT VALID to a partitioned table before 18, and validating at once locks out writers"
    if referenced.kind is RelationKind.PARTITIONED_TABLE:
        yield "it refers to a partitioned table, each partition of which has a copy of it under a name of its own"
    if "PERIOD" in key.definition:
        yield "a key with PERIOD knows no other action"
    if (table.schema, table.name) == (referenced.schema, referenced.name):
        yield "it refers to its own table: with RESTRICT, a statement that deletes rows together with those that refer to them fails"
    if cascading := [k.name for k in catalog.constraints_of(referenced) if k.on_delete == "CASCADE"]:
        yield (
            f"rows of {referenced.schema}.{referenced.name} go by cascade ({', '.join(cascading)}), perhaps together with those that refer "
            "to them: NO ACTION allows that, RESTRICT may not"
        )


def _steps(table: Relation, key: Constraint) -> Iterator[str]:
    alter, name = f"alter table {qualified(table.schema, table.name)}", identifier(key.name)
    yield (
        "Decide what is meant when the row that is referred to goes: CASCADE (the rows go with it), SET NULL (they stay without it), or "
        "RESTRICT (it stays as long as they do)."
    )
    if table.kind is RelationKind.PARTITIONED_TABLE or table.is_partition:
        yield f"`{alter} drop constraint {name}, add constraint {name} {key.definition} on delete <action>`: locks out writers meanwhile."
        return
    spare = identifier(object_name(key.name, suffix="new"))
    base = key.definition.removesuffix(" NOT VALID").removesuffix(" NOT ENFORCED")
    yield f"`{alter} add constraint {spare} {base} on delete <action> not valid`"
    yield f"`{alter} validate constraint {spare}`, in a transaction of its own: it reads all rows and locks nobody out."
    yield f"`{alter} drop constraint {name}; {alter} rename constraint {spare} to {name}`"


def _spare_name(catalog: Catalog, table: Relation, name: str) -> str:
    taken = {c.name for c in catalog.constraints_of(table)}
    candidate, number = fitting_name(name, suffix="restrict"), 1
    while candidate in taken:
        number += 1
        candidate = object_name(name, suffix=f"restrict{number}")
    return candidate
