"""Patches for FKY003: an index for every foreign key."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Constraint, RelationKind
from platformkit_pipeline.remediation.object_names import object_name, told_apart
from platformkit_pipeline.remediation.proposal import Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def index_foreign_key(catalog: Catalog, finding: Result) -> Proposal:
    """CREATE INDEX CONCURRENTLY, so that writers go on; plain on a partitioned table, where PostgreSQL allows no other (clause 6.2)."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    key = next(c for c in catalog.foreign_keys_of(table) if c.name == dict(finding.object.detail)["constraint"])
    name = _free_name(catalog, table.schema, _wanted_name(catalog, key))
    columns = ", ".join(map(identifier, key.columns))
    on = f"{qualified(table.schema, table.name)} ({columns})"
    partitioned = table.kind is RelationKind.PARTITIONED_TABLE
    concurrently = "" if partitioned else " concurrently"
    notes = (
        ("Blocks writes to every partition while it builds: CONCURRENTLY is not possible on a partitioned table.",)
        if partitioned
        else ("Cannot run inside a transaction block. A failed attempt leaves an invalid index behind: drop it before trying again.",)
    )
    return Change(
        f"Index foreign key {key.name} of {qualified(table.schema, table.name)}",
        (f"create index{concurrently} if not exists {identifier(name)} on {on}",),
        (f"drop index{concurrently} if exists {qualified(table.schema, name)}",),
        transactional=partitioned,
        notes=notes,
    )


def _wanted_name(catalog: Catalog, key: Constraint) -> str:
    """Two keys of one plan never want the same name: (a_b) and (a, b), or names that were cut off behind what they share."""
    name = object_name(key.relation, *key.columns, suffix="idx")
    if len(_wanted_by(catalog)[(key.schema, name)]) > 1:
        return told_apart(key.relation, *key.columns, suffix="idx")
    return name


@lru_cache(maxsize=1)
def _wanted_by(catalog: Catalog) -> dict[tuple[str, str], set[tuple[str, ...]]]:
    """(schema, plain index name) → the (table, columns) of the foreign keys that would have it."""
    wanted: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for table in catalog.tables:
        for key in catalog.foreign_keys_of(table):
            wanted[(key.schema, object_name(key.relation, *key.columns, suffix="idx"))].add((key.relation, *key.columns))
    return wanted


def _free_name(catalog: Catalog, schema: str, name: str) -> str:
    """A name that no relation or index of the schema has: IF NOT EXISTS would silently keep the other one."""
    taken = {r.name for r in catalog.snapshot.relations if r.schema == schema} | {
        i.name for i in catalog.snapshot.indexes if i.schema == schema
    }
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = object_name(name.removesuffix("_idx"), suffix=f"idx{number}")
    return candidate
