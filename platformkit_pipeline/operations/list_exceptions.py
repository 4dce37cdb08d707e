"""The exceptions on record, and how each of them stands on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from platformkit_pipeline.control_plane import exceptions, targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.exception import StoredException


class ExceptionState(StrEnum):
    IN_FORCE = "in force"
    EXPIRED = "expired"
    AT_FAULT = "at fault"
    """It covers nothing; the faults say why."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ListedException:
    """`covers` has the names of the targets that it is for; those that left the settings are not among them."""

    repository: str
    row: StoredException
    state: ExceptionState
    covers: tuple[str, ...]


def list_exceptions(connection: Connection, today: date) -> tuple[ListedException, ...]:
    """All of them, removed ones too, by repository and path, as they stand on the UTC day `today`; those of repositories that left
    the settings are left out. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        names = {row.target_id: row.target.name for row in targets.list_active(connection)}
        rows = exceptions.everything(connection)
    listed = (
        ListedException(
            names[row.target_id], row, _state(row, today), tuple(sorted({names[i] for i in row.entry.covers_target_ids if i in names}))
        )
        for row in rows
        if row.target_id in names
    )
    return tuple(sorted(listed, key=lambda item: (item.repository, item.row.entry.path)))


def _state(row: StoredException, today: date) -> ExceptionState:
    if row.removed_at is not None:
        return ExceptionState.REMOVED
    if row.entry.faults:
        return ExceptionState.AT_FAULT
    return ExceptionState.EXPIRED if row.entry.expires_on is None or row.entry.expires_on < today else ExceptionState.IN_FORCE
