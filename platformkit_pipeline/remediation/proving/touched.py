"""Which relations something that changed belongs to, or can be reached through. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import Column, Constraint, Index, Policy, Snapshot, Trigger
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.rules.database.catalog import Name

_KINDS = {Column: "column", Constraint: "constraint", Index: "index", Policy: "policy", Trigger: "trigger"}


def relations_by_identity(snapshot: Snapshot) -> dict[str, Name]:
    """Canonical identity of every relation, and of everything that lives on one, to the relation."""
    known = {identity_of(r).canonical: (r.schema, r.name) for r in snapshot.relations}
    known.update((identity_of(m).canonical, (m.schema, m.relation)) for m in _members(snapshot))
    return known


def touched_relations(changed: Collection[str], relations: Mapping[str, Name], before: Snapshot, after: Snapshot) -> set[Name]:
    """Relations whose rows may be reached otherwise: those that changed, with all that lives on them, and those with a policy or
    a query that names a function which changed, or one whose body names it; all of them where roles changed. `relations` are those
    of the snapshot before.
    """
    if any(name.startswith(("role ", "role_membership ")) for name in changed):
        return {(r.schema, r.name) for r in after.relations if r.extension is None}
    touched = {relations[name] for name in changed if name in relations}
    if new := {name for name in changed if name not in relations}:
        kinds = {name.split(" ", 1)[0] for name in new}
        touched |= {(m.schema, m.relation) for m in _members(after) if _KINDS[type(m)] in kinds and identity_of(m).canonical in new}
        touched |= {(r.schema, r.name) for r in after.relations if r.kind.value in kinds and identity_of(r).canonical in new}
    if not any(name.startswith("function ") for name in changed):
        return touched
    for snapshot in (before, after):
        functions = _calling(snapshot, {f.name for f in snapshot.functions if identity_of(f).canonical in changed})
        if not functions:
            continue
        texts = [(p.schema, p.relation, f"{p.using} {p.with_check}") for p in snapshot.policies]
        texts += [(r.schema, r.name, r.definition) for r in snapshot.relations if r.definition and r.extension is None]
        touched |= {(schema, relation) for schema, relation, text in texts if any(name in text for name in functions)}
    return touched


def _calling(snapshot: Snapshot, names: set[str]) -> set[str]:
    """The names, and those of all functions that may call one of them, directly or not."""
    bodies: dict[str, str] = {}
    for f in snapshot.functions:
        if f.extension is None and not is_managed(f.schema):
            bodies[f.name] = f"{bodies.get(f.name, '')} {f.sql_body or f.body or ''}"
    found, waiting = set(names), set(names)
    while waiting:
        waiting = {name for name, body in bodies.items() if name not in found and any(called in body for called in waiting)}
        found |= waiting
    return found


def _members(snapshot: Snapshot) -> Iterator[Column | Constraint | Index | Policy | Trigger]:
    yield from snapshot.columns
    yield from snapshot.constraints
    yield from snapshot.indexes
    yield from snapshot.policies
    yield from snapshot.triggers
