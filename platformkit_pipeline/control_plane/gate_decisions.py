"""Answers of gates as they are stored: read again, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.target import Environment, Target, TargetKind

_ROWS_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A row of `ops.gate_decisions`. `judged` is the verdict without an override; None in rows of before overrides."""

    decision_id: str
    gate: str
    target: Target
    parity_id: str | None
    scan_id: str | None
    inputs: Mapping[str, Any]
    verdict: str
    judged: str | None
    reasons: tuple[str, ...]
    decided_at: datetime


def kept_decisions(connection: Connection, *, target: str | None = None, since: datetime | None = None) -> Iterator[KeptDecision]:
    """Oldest first; of the targets of that name and since that time, where they are given. Memory does not grow with their number."""
    require_transaction(connection)
    with connection.cursor(name="platformkit_gate_decisions") as cursor:
        cursor.itersize = _ROWS_AT_A_TIME
        cursor.execute(statement("gate_decisions_list"), {"target": target, "since": since})
        yield from map(_kept, cursor)


def _kept(row: tuple[Any, ...]) -> KeptDecision:
    decision_id, gate, kind, name, environment, owners, parity_id, scan_id, inputs, verdict, judged, reasons, decided_at = row
    target = Target(TargetKind(kind), name, Environment(environment), tuple(owners))
    return KeptDecision(decision_id, gate, target, parity_id, scan_id, inputs, verdict, judged, tuple(reasons), decided_at)
