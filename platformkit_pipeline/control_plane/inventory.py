"""Inventory: the current objects of a target, and the history of their changes.

Hash first: only kind, identity and hash of what is stored are read, and only what differs is sent. So a night without
change reads one index range, writes no row into the inventory tables and locks none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import require_scan_of
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.inventory import InventoryObject, set_digest


@dataclass(frozen=True, slots=True)
class InventoryChanges:
    """Numbers of objects. One that comes back after its removal counts as added."""

    added: int
    changed: int
    removed: int
    unchanged: int


def write(connection: Connection, target_id: int, scan_id: str, objects: Sequence[InventoryObject]) -> InventoryChanges:
    """Make `objects` the inventory of the target, as seen by `scan_id`; what is not among them is marked as removed.

    The same scan with the same objects again changes nothing. Writers of one target wait for each other. Raises
    ControlPlaneError when the scan is not stored or is another target's, when a later scan was stored already, when the
    scan was stored with other objects, and when two objects share kind and identity.
    """
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.inventory', %s))", (target_id,))
    digest = set_digest(objects)
    _check_scan(connection, target_id, scan_id, digest)
    stored: dict[tuple[str, str], bytes] = {
        (kind, identity): content_hash
        for kind, identity, content_hash in connection.execute(
            "select kind, identity, content_hash from ops.inventory_objects where target_id = %s and removed_scan is null", (target_id,)
        )
    }
    seen: set[tuple[str, str]] = set()
    different: list[InventoryObject] = []
    changed = 0
    for item in objects:
        key = (item.kind, item.identity)
        if key in seen:
            raise ControlPlaneError(f"scan {scan_id} observed two objects as {item.kind} {item.identity}: identities are unique per kind")
        seen.add(key)
        known = stored.pop(key, None)
        if known != item.content_hash:
            different.append(item)
            changed += known is not None
    if different:
        _store(connection, target_id, scan_id, different)
    if stored:
        _mark_removed(connection, target_id, scan_id, list(stored))
    connection.execute(
        "update ops.scans set set_digest = %s, object_count = %s, inventoried_at = now() where scan_id = %s and inventoried_at is null",
        (digest, len(objects), scan_id),
    )
    return InventoryChanges(len(different) - changed, changed, len(stored), len(objects) - len(different))


def read(connection: Connection, target_id: int) -> list[InventoryObject]:
    """The present objects of the target, by kind and identity, payloads to the byte as they were written."""
    rows = connection.execute(
        "select kind, identity, payload::text, content_hash from ops.inventory_objects where target_id = %s and removed_scan is null "
        'order by kind collate "C", identity collate "C"',
        (target_id,),
    )
    return [InventoryObject(*row) for row in rows]


def _check_scan(connection: Connection, target_id: int, scan_id: str, digest: str) -> None:
    scan = require_scan_of(connection, target_id, scan_id)
    if scan.later_inventory is not None:
        raise ControlPlaneError(
            f"scan {scan_id} is older than scan {scan.later_inventory}, whose inventory is stored: nothing was written, scan again"
        )
    if scan.set_digest is not None and scan.set_digest != digest:
        raise ControlPlaneError(
            f"scan {scan_id} was stored or announced with other objects than these: one observation has one inventory, nothing was written"
        )


def _store(connection: Connection, target_id: int, scan_id: str, objects: Sequence[InventoryObject]) -> None:
    connection.execute(statement("inventory_stage"))
    with connection.cursor().copy("copy pg_temp.staged_inventory (kind, identity, content_hash, payload) from stdin") as copy:
        for item in objects:
            copy.write_row((item.kind, item.identity, item.content_hash, item.payload))
    connection.execute("analyze pg_temp.staged_inventory")
    parameters = {"target_id": target_id, "scan_id": scan_id}
    # History first: it still finds the payload that the second statement overwrites.
    connection.execute(statement("inventory_history_of_staged"), parameters)
    connection.execute(statement("inventory_store_staged"), parameters)
    connection.execute("drop table pg_temp.staged_inventory")


def _mark_removed(connection: Connection, target_id: int, scan_id: str, keys: Sequence[tuple[str, str]]) -> None:
    kinds, identities = zip(*keys, strict=True)
    connection.execute(
        statement("inventory_remove"), {"target_id": target_id, "scan_id": scan_id, "kinds": list(kinds), "identities": list(identities)}
    )
