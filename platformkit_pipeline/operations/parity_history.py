"""How the parity of a target went: the scores that are kept, for plots and tables."""

from __future__ import annotations

from platformkit_pipeline.control_plane import parity
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.parity import ParityPoint
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.stored_snapshot import target_id_of


def parity_history(connection: Connection, target: Target, limit: int = 30) -> tuple[ParityPoint, ...]:
    """The last runs of the target's default branch, latest first. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return parity.history(connection, target_id_of(connection, target), limit=limit)
