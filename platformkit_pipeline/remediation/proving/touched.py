"""Which relations something that changed belongs to, or can be reached through. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from platformkit_pipeline.model.snapshot import Column, Constraint, Index, Policy, Snapshot, Trigger
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.rules.database.catalog import Name


def relations_by_identity(snapshots: Iterable[Snapshot]) -> dict[str, Name]:
    """Canonical identity of every relation, and of everything that lives on one, to the relation."""
    known: dict[str, Name] = {}
    for snapshot in snapshots:
        known.update((identity_of(r).canonical, (r.schema, r.name)) for r in snapshot.relations)
        known.update((identity_of(m).canonical, (m.schema, m.relation)) for m in _members(snapshot))
    return known


def touched_relations(changed: Collection[str], relations: dict[str, Name], snapshots: Iterable[Snapshot]) -> set[Name]:
    """Relations whose rows may be reached otherwise: those that changed, with all that lives on them, and those with a policy
    that names a function which changed.
    """
    touched = {relations[name] for name in changed if name in relations}
    for snapshot in snapshots:
        functions = {f.name for f in snapshot.functions if identity_of(f).canonical in changed}
        for policy in snapshot.policies if functions else ():
            text = f"{policy.using} {policy.with_check}"
            if any(name in text for name in functions):
                touched.add((policy.schema, policy.relation))
    return touched


def _members(snapshot: Snapshot) -> Iterator[Column | Constraint | Index | Policy | Trigger]:
    yield from snapshot.columns
    yield from snapshot.constraints
    yield from snapshot.indexes
    yield from snapshot.policies
    yield from snapshot.triggers
