"""Patches for FKY003 and IDX001: an index for foreign keys, and for what policies compare with the caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import RelationKind
from platformkit_pipeline.remediation.authority import no_room_in, why_not_ours
from platformkit_pipeline.remediation.index_proposals import (
    Need,
    ProposedIndex,
    name_for,
    need_of_foreign_key,
    need_of_policies,
    proposed_for,
)
from platformkit_pipeline.remediation.index_repairs import repair_of
from platformkit_pipeline.remediation.partitioned_indexes import completed
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.index_definitions import IndexDefinition


def index_foreign_key(catalog: Catalog, finding: Result) -> Proposal:
    """CREATE INDEX CONCURRENTLY, so that writers go on; partition by partition where there are some (clause 6.2).

    Several keys may share one index. Each has a patch that creates it if it is not there, so each patch mends its finding alone.
    """
    table, name = (finding.object.schema or "", finding.object.name), dict(finding.object.detail)["constraint"]
    key = next(k for k in catalog.foreign_keys_of(catalog.relations[table]) if k.name == name)
    need = need_of_foreign_key(*table, name, key.columns)
    return _built(catalog, f"Index foreign key {name} of {qualified(*table)}", [(need, proposed_for(catalog, need, table))])


def index_policy_columns(catalog: Catalog, finding: Result) -> Proposal:
    """The same for the columns that policies compare with the caller; foreign keys and policies share indexes (clause 6.2)."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    needs = [need_of_policies(table, column) for column in finding.evidence["columns"]]
    name = (table.schema, table.name)
    title = f"Index what the policies of {qualified(*name)} compare with the caller"
    return _built(catalog, title, [(need, proposed_for(catalog, need, name)) for need in needs])


def _built(catalog: Catalog, title: str, wanted: Sequence[tuple[Need, ProposedIndex]]) -> Proposal:
    changes: list[Change] = []
    for need, proposed in wanted:
        if why := why_not_ours(catalog, proposed.table.owner) or no_room_in(catalog, proposed.table.schema):
            return ByHand(why, tuple(f"As {p.table.owner}: `{_creation(catalog, p)}`." for _, p in wanted))
        change = repair_of(catalog, proposed.table, proposed.leftover) if proposed.leftover else _created(catalog, proposed, need)
        if isinstance(change, ByHand):
            return change
        changes.append(change)
    return Change(
        title,
        tuple(dict.fromkeys(s for c in changes for s in c.up)),
        tuple(dict.fromkeys(s for c in reversed(changes) for s in c.down)),
        transactional=all(c.transactional for c in changes),
        notes=tuple(dict.fromkeys(n for c in changes for n in c.notes)),
        objects=tuple(dict.fromkeys(o for c in changes for o in c.objects)),
        successors=tuple(dict.fromkeys(s for c in changes for s in c.successors)),
    )


def _created(catalog: Catalog, proposed: ProposedIndex, need: Need) -> Proposal:
    table, name = proposed.table, name_for(catalog, proposed)
    successors = ("IDX003",) if proposed.covered else ()
    if table.kind is RelationKind.PARTITIONED_TABLE:
        change = completed(catalog, table, name, _definition(proposed), None)
        if isinstance(change, ByHand):
            return change
        return replace(change, notes=(*change.notes, *_notes(proposed, need)), successors=successors)
    return Change(
        "",
        (_creation(catalog, proposed),),
        (f"drop index concurrently if exists {qualified(table.schema, name)}",),
        transactional=False,
        notes=(
            "Cannot run inside a transaction block. A failed attempt leaves an invalid index behind; a new plan builds that one again.",
            *_notes(proposed, need),
        ),
        objects=(member_identity("index", table.schema, table.name, name).canonical,),
        successors=successors,
    )


def _creation(catalog: Catalog, proposed: ProposedIndex) -> str:
    table = proposed.table
    on = f"{qualified(table.schema, table.name)} {_keys(proposed)}"
    return f"create index concurrently if not exists {identifier(name_for(catalog, proposed))} on {on}"


def _definition(proposed: ProposedIndex) -> IndexDefinition:
    """As the server prints it, so that equal ones of partitions are known."""
    return IndexDefinition(False, True, qualified(proposed.table.schema, proposed.table.name), "btree", _keys(proposed))


def _keys(proposed: ProposedIndex) -> str:
    return f"({', '.join(map(identifier, proposed.columns))})"


def _notes(proposed: ProposedIndex, need: Need) -> Iterator[str]:
    if others := sorted(n.who for n in proposed.needs if n != need):
        yield f"The same index serves {', '.join(others)}: it is created once, and undoing this patch takes it from all of them."
    if proposed.covered:
        yield f"It does all that {', '.join(proposed.covered)} does, which IDX003 will report: drop that one afterwards."
