"""The one place where gates learn what is excused today: by fingerprint of the finding (clauses 10.1, 10.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.model.waiver import Cover


def covers_at_gate(connection: Connection, target: Target, now: datetime) -> Mapping[str, Cover]:
    """Nothing is excused before waivers and exceptions are read."""
    return {}
