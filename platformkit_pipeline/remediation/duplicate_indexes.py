"""Patches for IDX003: drop the index whose work another one does."""

from __future__ import annotations

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Index, Relation, RelationKind
from platformkit_pipeline.remediation.authority import why_not_ours
from platformkit_pipeline.remediation.partitioned_indexes import all_partitions_of, recommented
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.index_definitions import read_index_definition


def drop_duplicate_index(catalog: Catalog, finding: Result) -> Proposal:
    """DROP INDEX CONCURRENTLY, plain on a partitioned table; never what a constraint or a foreign key rests on (clause 6.2)."""
    schema, relation_name, name = finding.object.schema or "", finding.object.name, dict(finding.object.detail)["index"]
    relation = catalog.relations[(schema, relation_name)]
    index = next(i for i in catalog.indexes_of(relation) if i.name == name)
    definition = read_index_definition(index.definition)
    full_name, kept = qualified(schema, name), finding.evidence.get("covered_by", "another index")
    partitioned = relation.kind is RelationKind.PARTITIONED_TABLE
    concurrently = "" if partitioned else " concurrently"
    if why := why_not_ours(catalog, relation.owner):
        return ByHand(why, (f"As {relation.owner}: `drop index{concurrently} {full_name}`.",))
    if index.constraint or index.primary:
        return _constraint(relation, index, kept)
    if index.unique and (users := _foreign_keys_on(catalog, index)):
        return ByHand(
            f"foreign keys refer to its columns, and the server may have tied them to this index and not to {kept}: {', '.join(users)}",
            (
                f"`drop index{concurrently} {full_name}`; when the server refuses because a foreign key depends on it, keep it and drop "
                f"{kept} instead, or create the foreign keys anew afterwards.",
            ),
        )
    if definition is None:
        return ByHand("its definition cannot be read, so there would be no way back", (f"`drop index{concurrently} {full_name}`",))
    return Change(
        f"Drop index {full_name}, which {kept} makes superfluous",
        (f"drop index{concurrently} if exists {full_name}",),
        (definition.creation(identifier(name), concurrently=not partitioned), *recommented(index)),
        transactional=partitioned,
        notes=(
            "Locks the table and all its partitions while it drops, and again while the undo builds: CONCURRENTLY is not possible here."
            if partitioned
            else "Cannot run inside a transaction block. It waits for transactions that use the table; nobody waits for it.",
            f"Everything that it answers, {kept} answers as well; being wider, a scan of it may read somewhat more.",
        ),
        objects=(finding.object.canonical, *(_copies(catalog, relation, index) if partitioned else ())),
    )


def _constraint(relation: Relation, index: Index, kept: str) -> ByHand:
    table, constraint = qualified(relation.schema, relation.name), identifier(index.constraint or index.name)
    return ByHand(
        f"it belongs to constraint {index.constraint or index.name}, which upserts may name and foreign keys may rest on",
        (
            f"Look for `on conflict on constraint {constraint}` in the application and in functions; {kept} does not answer to that name.",
            f"`alter table {table} drop constraint {constraint}`; the server refuses when a foreign key depends on it.",
        ),
    )


def _foreign_keys_on(catalog: Catalog, index: Index) -> list[str]:
    return sorted(
        f"{key.schema}.{key.relation}.{key.name}"
        for key in catalog.snapshot.constraints
        if (key.referenced_schema, key.referenced_relation) == (index.schema, index.relation)
        and set(key.referenced_columns) == set(index.key_columns)
    )


def _copies(catalog: Catalog, table: Relation, index: Index) -> list[str]:
    """Those of the partitions that may be under the index: alike, and attached to one of a parent."""
    wanted = read_index_definition(index.definition)
    return [
        member_identity("index", own.schema, own.relation, own.name).canonical
        for partition in all_partitions_of(catalog, table)
        for own in catalog.indexes_of(partition)
        if own.inherited and wanted and (read := read_index_definition(own.definition)) and read.layout == wanted.layout
    ]
