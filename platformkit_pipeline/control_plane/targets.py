"""Targets: what the settings list, kept in step with `ops.targets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.target import CONTROL_PLANE, Environment, Target, TargetKind


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """`target_id` is the key that all other rows refer to; `retired_at` is set when the settings no longer list the target."""

    target_id: int
    target: Target
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TargetChanges:
    """`added` includes targets that were retired and are listed again; `removed` are those retired now. By kind and name."""

    added: tuple[Target, ...] = ()
    changed: tuple[Target, ...] = ()
    removed: tuple[Target, ...] = ()


def sync(connection: Connection, targets: Sequence[Target]) -> TargetChanges:
    """Make `ops.targets` list exactly `targets` as active; the database audits every difference, no difference writes nothing.

    The control plane itself stands in no settings, and stays as it is (see `ensure_control_plane`).
    `targets` is the whole list: whoever could not read the settings must not call this with an empty one.
    Raises ConfigurationError when two targets share kind and name.
    """
    require_transaction(connection)
    wanted: dict[tuple[TargetKind, str], Target] = {}
    for target in targets:
        if wanted.setdefault((target.kind, target.name), target) is not target:
            raise ConfigurationError(f"two targets are called {target.kind.value} {target.name!r}: names are unique per kind")
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.targets', 0))")
    stored = {(row.target.kind, row.target.name): row for row in _list(connection) if row.target.kind is not TargetKind.CONTROL_PLANE}
    active = {key: row for key, row in stored.items() if row.retired_at is None}
    added = [target for key, target in sorted(wanted.items()) if key not in active]
    changed = [target for key, target in sorted(wanted.items()) if key in active and active[key].target != target]
    removed = [row.target for key, row in sorted(active.items()) if key not in wanted]

    with connection.cursor() as cursor:
        cursor.executemany(
            statement("targets_store"),
            [
                {"kind": t.kind.value, "name": t.name, "environment": t.environment.value, "owners": list(t.owners)}
                for t in (*added, *changed)
            ],
        )
    if removed:
        connection.execute(
            "update ops.targets set retired_at = now() where target_id = any (%s)",
            ([row.target_id for key, row in active.items() if key not in wanted],),
        )
    return TargetChanges(tuple(added), tuple(changed), tuple(removed))


def ensure_control_plane(connection: Connection) -> int:
    """The key of the control plane as a target of its own rules; added where it is not there yet."""
    require_transaction(connection)
    stored = find(connection, CONTROL_PLANE.kind, CONTROL_PLANE.name)
    if stored is None:
        of_row: dict[str, object] = {
            "kind": CONTROL_PLANE.kind.value,
            "name": CONTROL_PLANE.name,
            "environment": CONTROL_PLANE.environment.value,
            "owners": [],
        }
        connection.execute(statement("targets_store"), of_row)
        stored = find(connection, CONTROL_PLANE.kind, CONTROL_PLANE.name)
    if stored is None:
        raise ControlPlaneError("the control plane could not be stored as a target")
    return stored.target_id


def find(connection: Connection, kind: TargetKind, name: str) -> StoredTarget | None:
    """The target of that kind and name, retired or not; None when there never was one."""
    row = connection.execute(statement("targets_find"), {"kind": kind.value, "name": name}).fetchone()
    return _from_row(row) if row else None


def list_active(connection: Connection) -> tuple[StoredTarget, ...]:
    """All targets that are not retired, by kind and name."""
    return tuple(row for row in _list(connection) if row.retired_at is None)


def list_retired(connection: Connection) -> tuple[StoredTarget, ...]:
    """All targets that the settings listed once and list no more."""
    return tuple(row for row in _list(connection) if row.retired_at is not None)


def _list(connection: Connection) -> tuple[StoredTarget, ...]:
    return tuple(map(_from_row, connection.execute(statement("targets_list")).fetchall()))


def _from_row(row: tuple[int, str, str, str, list[str], datetime | None]) -> StoredTarget:
    target_id, kind, name, environment, owners, retired_at = row
    return StoredTarget(target_id, Target(TargetKind(kind), name, Environment(environment), tuple(owners)), retired_at)
