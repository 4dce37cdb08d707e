"""Protections that an object had and has lost: what a `CREATE OR REPLACE` without them does in silence (clauses 2.1, 2.2).

`lost_protections` compares two snapshots; `regressions` reads the history of the control plane.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, LiteralString

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.drift import Regression
from platformkit_pipeline.model.inventory import InventoryObject
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.snapshot_inventory import inventory_of
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.stored_snapshot import latest_observation, target_id_of

_KINDS = ("function", "view", "table", "partitioned_table")
_TRUE = frozenset({"true", "on", "yes", "1"})

_CHANGES: LiteralString = """
select h.kind, h.identity, h.scan_id::text, h.payload_before::text, h.payload_after::text, i.payload::text
  from ops.inventory_history h
  join ops.inventory_objects i using (target_id, kind, identity)
 where h.target_id = %(target_id)s and i.removed_scan is null and h.change = 'changed' and h.kind = any (%(kinds)s)
   and (
     h.payload_before -> 'settings' is not null and (h.payload_before -> 'settings')::text <> (h.payload_after -> 'settings')::text
     or h.payload_before -> 'options' is not null and (h.payload_before -> 'options')::text <> (h.payload_after -> 'options')::text
     or (h.payload_before ->> 'row_security') = 'true' and (h.payload_after ->> 'row_security') = 'false'
   )
 order by h.id
"""


def lost_protections(before: Snapshot, after: Snapshot) -> tuple[Regression, ...]:
    """What objects of `before` that are still there have lost in `after`; objects of managed schemas and extensions aside."""
    known = {(o.kind, o.identity): o for o in _protected(before)}
    found: list[Regression] = []
    for now in _protected(after):
        earlier = known.get((now.kind, now.identity))
        if earlier is not None and earlier.payload != now.payload:
            found += _lost(now.kind, now.identity, json.loads(earlier.payload), json.loads(now.payload), None)
    return tuple(sorted(found))


def regressions(connection: Connection, target: Target) -> tuple[Regression, ...]:
    """What the present objects of the target have lost at some scan and not regained, with the scan that first saw it gone.

    Reads the whole history that is kept. Raises ControlPlaneError.
    """
    target_id = target_id_of(connection, target)
    found: dict[tuple[str, str], Regression] = {}
    with control_plane_errors():
        rows = connection.execute(_CHANGES, {"target_id": target_id, "kinds": list(_KINDS)}).fetchall()
    for kind, identity, scan_id, before, after, present in rows:
        still = {r.protection for r in _lost(kind, identity, json.loads(before), json.loads(present), None)}
        for regression in _lost(kind, identity, json.loads(before), json.loads(after), scan_id):
            if regression.protection in still:
                found[regression.object, regression.protection] = regression
    return tuple(sorted(found.values()))


def known_history(connection: Connection, target: Target) -> tuple[Snapshot, tuple[Regression, ...]]:
    """The last observation that is stored of the target, and what it had lost by then. Raises ControlPlaneError."""
    with connection.transaction():
        return latest_observation(connection, target).snapshot, regressions(connection, target)


def still_lost(lost: Iterable[Regression], now: Snapshot) -> tuple[Regression, ...]:
    """Those of `lost` that `now` does not have back, of objects that are still there."""
    held = {f"{o.kind} {o.identity}": _protections(json.loads(o.payload)) for o in _protected(now)}
    return tuple(r for r in lost if r.object in held and r.protection not in held[r.object])


def _protected(snapshot: Snapshot) -> Iterator[InventoryObject]:
    return (o for o in inventory_of(snapshot) if o.kind in _KINDS)


def _lost(kind: str, identity: str, before: Mapping[str, Any], after: Mapping[str, Any], scan_id: str | None) -> Iterator[Regression]:
    if is_managed(after["schema"]) or after.get("extension") is not None:
        return
    held, holds = _protections(before), _protections(after)
    for name, value in held.items():
        if name not in holds:
            yield Regression(f"{kind} {identity}", name, value, None, scan_id)


def _protections(payload: Mapping[str, Any]) -> dict[str, str]:
    """Of a payload of the inventory: the protections that are on, with their values."""
    found = {name: value or '""' for name, value in payload.get("settings") or () if name == "search_path"}
    for option in payload.get("options") or ():
        name, _, value = option.partition("=")
        if name == "security_invoker" and (value or "true") in _TRUE:
            found[name] = "true"
    for name in ("row_security", "force_row_security"):
        if payload.get(name):
            found[name] = "true"
    return found
