"""Patches for IDX005: an index that a failed build left behind is built again, one of a partitioned table is completed."""

from __future__ import annotations

import re

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Index, Relation, RelationKind
from platformkit_pipeline.remediation.authority import why_not_ours
from platformkit_pipeline.remediation.partitioned_indexes import completed
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.indexes import makes_superfluous
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.index_definitions import read_index_definition

_LEFT_BY_REINDEX = re.compile(r"_cc(?:new|old)\d*\Z")
_NO_WAY_BACK = "There is no way back, because an index cannot be made invalid on purpose; none is missed, because no query uses it."


def repair_index(catalog: Catalog, finding: Result) -> Proposal:
    """Clause 6.2."""
    schema, name = finding.object.schema or "", dict(finding.object.detail)["index"]
    relation = catalog.relations[(schema, finding.object.name)]
    return repair_of(catalog, relation, next(i for i in catalog.indexes_of(relation) if i.name == name))


def repair_of(catalog: Catalog, relation: Relation, index: Index) -> Proposal:
    """How an invalid index becomes valid, or goes where another does its work."""
    name = qualified(index.schema, index.name)
    if why := why_not_ours(catalog, relation.owner):
        return ByHand(why, (f"As {relation.owner}: `reindex index concurrently {name}`, outside a transaction block.",))
    if index.unique or index.constraint:
        return _unique(relation, index)
    if relation.kind is RelationKind.PARTITIONED_TABLE:
        definition = read_index_definition(index.definition)
        if definition is None:
            return ByHand("its definition cannot be read", (f"Attach an index of every partition to {name}.",))
        return completed(catalog, relation, index.name, definition, index)
    identity = member_identity("index", index.schema, index.relation, index.name).canonical
    if _is_superfluous(catalog, relation, index):
        return Change(
            f"Drop invalid index {name}, which a failed build left behind",
            (f"drop index concurrently if exists {name}",),
            (),
            transactional=False,
            notes=("Cannot run inside a transaction block. Another index does its work.", _NO_WAY_BACK),
            objects=(identity,),
        )
    return Change(
        f"Build invalid index {name} again",
        (f"reindex index concurrently {name}",),
        (),
        transactional=False,
        notes=(
            "Cannot run inside a transaction block; writers go on. If it is being built right now, this waits for that. "
            "A failed attempt leaves a second invalid index behind, which the next plan drops.",
            _NO_WAY_BACK,
        ),
        objects=(identity,),
        successors=("IDX003",),  # valid again, it may repeat another one
    )


def _is_superfluous(catalog: Catalog, relation: Relation, index: Index) -> bool:
    if _LEFT_BY_REINDEX.search(index.name):
        return True
    return any(other.valid and _does_as_much(other, index) for other in catalog.indexes_of(relation))


def _does_as_much(other: Index, index: Index) -> bool:
    """Of two that do the same the rule names only one; that the other one is valid decides."""
    same = other.included_columns == index.included_columns and len(other.key_columns) == len(index.key_columns)
    return makes_superfluous(other, index) or (same and makes_superfluous(index, other))


def _unique(relation: Relation, index: Index) -> ByHand:
    table, name = qualified(relation.schema, relation.name), qualified(index.schema, index.name)
    columns = ", ".join(identifier(c) for c in index.key_columns if c)
    finding = f"Find the duplicates: `select {columns}, count(*) from {table} group by {columns} having count(*) > 1`."  # noqa: S608 - a text for a person
    if relation.kind is RelationKind.PARTITIONED_TABLE:
        mend = f"Build the same index on every partition and `alter index {name} attach partition <index of the partition>`."
    else:
        mend = f"`reindex index concurrently {name}`, outside a transaction block."
    return ByHand(
        "a unique index can only be built where no value is there twice, which depends on the rows",
        (finding if None not in index.key_columns else "Find the duplicates among the values that it indexes.", "Mend them.", mend),
    )
