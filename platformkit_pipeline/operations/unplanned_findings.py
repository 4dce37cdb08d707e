"""Which projects have open findings without a plan that was tried (clauses 1.4, 11.1), and have not been asked for since their scan."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.statements import statement

_VERSION = 1
MOST_REQUESTS = 25


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A project, and its latest complete scan."""

    name: str
    scan_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`scans` maps names to the scan that a plan was last requested for; whoever has a plan by now is forgotten."""

    scans: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps({"version": _VERSION, "scans": dict(self.scans)}, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None) -> Asked:
        """What `to_json` wrote, else nothing: requests are known again by their key."""
        try:
            value = json.loads(text or "{}")
            return cls({str(name): str(scan) for name, scan in value["scans"].items()} if value["version"] == _VERSION else {})
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


def unplanned_findings(connection: Connection) -> tuple[Unplanned, ...]:
    """Those first that waited longest. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return tuple(Unplanned(*row) for row in connection.execute(statement("plans_wanted")).fetchall())


def to_request(
    unplanned: Collection[Unplanned], ready: Collection[str], busy: Collection[str], asked: Asked
) -> tuple[tuple[Unplanned, ...], Asked]:
    """The next requests, at most 25, and what to remember. Once for each scan: what failed then would fail again.

    `ready` have a partition; of the `busy` ones a run is queued or running, which may plan and prove itself.
    """
    open_ = [one for one in unplanned if one.name in ready and asked.scans.get(one.name) != one.scan_id]
    requests = tuple(one for one in open_ if one.name not in busy)[:MOST_REQUESTS]
    kept = {one.name: one.scan_id for one in unplanned if asked.scans.get(one.name) == one.scan_id}
    return requests, Asked({**kept, **{one.name: one.scan_id for one in requests}})
