"""Scans: one row per observation of a target, completed when it was judged and scored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from psycopg.types.json import Jsonb

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.activity import Activity, activity_from_json, activity_to_json
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.score import Score, exact
from platformkit_pipeline.model.snapshot import RelationStatistics, Server, Unobserved
from platformkit_pipeline.model.snapshot_inventory import (
    relation_statistics_from_json,
    relation_statistics_to_json,
    server_from_json,
    server_to_json,
    unobserved_from_json,
    unobserved_to_json,
)

ResultCounts = Mapping[Outcome, Mapping[Severity, int]]
"""How many results had which outcome at which severity; combinations that did not occur are absent."""

_SCORE_STEP = Decimal("0.000001")


# The columns of scans_find.sql and scans_latest.sql, in their order.
_ROW_FIELDS = (
    *("scan_id", "target_id", "started_at", "duration_seconds", "server_version", "catalog_fingerprint", "server", "statistics"),
    *("unobserved", "run_id", "set_digest", "object_count", "inventoried_at", "status", "completed_at", "ruleset_digest"),
    *("raw_exact", "effective_exact", "counts", "judged_rules", "activity", "commit", "branch"),
)


class ScanStatus(StrEnum):
    """`complete` implies observed."""

    OBSERVED = "observed"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One observation. The fields after `run_id` are filled as the scan moves on: by `inventory.write` and by `complete`."""

    scan_id: str
    target_id: int
    started_at: datetime
    duration_seconds: float
    server_version: str | None
    catalog_fingerprint: str
    server: Server | None = None
    statistics: tuple[RelationStatistics, ...] = ()
    unobserved: tuple[Unobserved, ...] = ()
    activity: Activity | None = None
    commit: str | None = None
    """That was observed of a repository, and in `branch` what HEAD pointed at; None for other targets."""
    branch: str | None = None
    run_id: str | None = None
    set_digest: str | None = None
    """`model.inventory.set_digest` of the scan's objects; `inventory.write` refuses other objects when it is announced here."""
    object_count: int | None = None
    inventoried_at: datetime | None = None
    status: ScanStatus = ScanStatus.OBSERVED
    completed_at: datetime | None = None
    ruleset_digest: str | None = None
    score: Score | None = None
    counts: ResultCounts | None = None
    judged_rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScanStanding:
    """Where a stored scan stands among the scans of its target; what the stores ask before they write."""

    target_id: int
    set_digest: str | None
    later_inventory: str | None
    """A later scan whose inventory is stored."""
    later_judgement: str | None
    """A later scan that one of the rules in question has judged."""


def begin(connection: Connection, scan: ScanRecord) -> None:
    """Store a scan as observed. The same scan again is a no-op.

    Raises ControlPlaneError when the id is already that of another observation.
    """
    inserted = connection.execute(
        statement("scans_insert"),
        {
            "scan_id": scan.scan_id,
            "target_id": scan.target_id,
            "started_at": scan.started_at,
            "duration_seconds": scan.duration_seconds,
            "server_version": scan.server_version,
            "catalog_fingerprint": scan.catalog_fingerprint,
            "server": jsonb(server_to_json(scan.server)) if scan.server else None,
            "statistics": jsonb(relation_statistics_to_json(scan.statistics)),
            "unobserved": jsonb(unobserved_to_json(scan.unobserved)),
            "activity": jsonb(activity_to_json(scan.activity)) if scan.activity else None,
            "commit": scan.commit,
            "branch": scan.branch,
            "run_id": scan.run_id,
            "set_digest": scan.set_digest,
            "object_count": scan.object_count,
        },
    ).rowcount
    if inserted:
        return
    stored = find(connection, scan.scan_id)
    if stored is None or (stored.target_id, stored.catalog_fingerprint, stored.started_at) != (
        scan.target_id,
        scan.catalog_fingerprint,
        scan.started_at,
    ):
        raise ControlPlaneError(
            f"scan {scan.scan_id} is already stored and is another observation: every observation needs an id of its own"
        )


def complete(connection: Connection, scan_id: str, *, ruleset_digest: str, score: Score, counts: ResultCounts) -> None:
    """Store the verdict of a scan. The same verdict again is a no-op; a later judgement of the same scan replaces the earlier.

    Raises ControlPlaneError when the scan was never stored.
    """
    stored = connection.execute(
        statement("scans_complete"),
        {
            "scan_id": scan_id,
            "ruleset_digest": ruleset_digest,
            "raw_score": floored(score.raw),
            "effective_score": floored(score.effective),
            "raw_score_exact": exact(score.raw),
            "effective_score_exact": exact(score.effective),
            "counts": jsonb({outcome.value: {s.value: n for s, n in by.items()} for outcome, by in counts.items()}),
        },
    ).rowcount
    if not stored and find(connection, scan_id) is None:
        raise ControlPlaneError(f"scan {scan_id} is not stored: store the observation before its verdict")


def find(connection: Connection, scan_id: str) -> ScanRecord | None:
    """The scan of that id; None when it was never stored."""
    row = connection.execute(statement("scans_find"), {"scan_id": scan_id}).fetchone()
    return _from_row(row) if row else None


def latest(connection: Connection, target_id: int, status: ScanStatus = ScanStatus.COMPLETE) -> ScanRecord | None:
    """The scan of the target that started last and got at least as far as `status`; None when there is none."""
    states = [ScanStatus.COMPLETE.value] if status is ScanStatus.COMPLETE else [s.value for s in ScanStatus]
    row = connection.execute(statement("scans_latest"), {"target_id": target_id, "states": states}).fetchone()
    return _from_row(row) if row else None


def count_results(results: Iterable[Result]) -> ResultCounts:
    """Results by outcome and severity, as `complete` wants them."""
    counts: dict[Outcome, Counter[Severity]] = {}
    for result in results:
        counts.setdefault(result.outcome, Counter())[result.severity] += result.count
    return counts


def require_scan_of(connection: Connection, target_id: int, scan_id: str, rules: frozenset[str] = frozenset()) -> ScanStanding:
    """Standing of a scan of that target. Raises ControlPlaneError when it is not stored or observed another target."""
    row = connection.execute(statement("scans_check"), {"scan_id": scan_id, "rules": sorted(rules)}).fetchone()
    if row is None:
        raise ControlPlaneError(f"scan {scan_id} is not stored: store the scan before what it found")
    standing = ScanStanding(*row)
    if standing.target_id != target_id:
        raise ControlPlaneError(f"scan {scan_id} observed another target: nothing was written")
    return standing


def note_judged(connection: Connection, scan_id: str, rules: frozenset[str]) -> None:
    """Note that the results of `rules` for this scan are stored. Rules noted already change nothing."""
    connection.execute(statement("scans_note_judged"), {"rules": sorted(rules), "scan_id": scan_id})


def _from_row(row: tuple[Any, ...]) -> ScanRecord:
    values = dict(zip(_ROW_FIELDS, row, strict=True))
    raw, effective, counts = values.pop("raw_exact"), values.pop("effective_exact"), values["counts"]
    values["server"] = server_from_json(values["server"]) if values["server"] else None
    values["statistics"] = relation_statistics_from_json(values["statistics"])
    values["unobserved"] = unobserved_from_json(values["unobserved"])
    values["activity"] = activity_from_json(values["activity"]) if values["activity"] else None
    values["status"] = ScanStatus(values["status"])
    values["score"] = Score(Fraction(raw), Fraction(effective)) if raw is not None else None
    values["counts"] = counts and {Outcome(o): {Severity(s): n for s, n in by.items()} for o, by in counts.items()}
    values["judged_rules"] = frozenset(values["judged_rules"])
    return ScanRecord(**values)


def floored(score: Fraction) -> Decimal:
    """As a numeric(9, 6) holds it, rounded down: 100 means all."""
    return (Decimal(score.numerator) / Decimal(score.denominator)).quantize(_SCORE_STEP, rounding=ROUND_FLOOR)


def jsonb(value: Any) -> Jsonb:
    """A parameter for a column of JSON."""
    return Jsonb(value, dumps=_storable_json)


def storable_text(text: str) -> str:
    """`text` as PostgreSQL holds it: no NUL and no half of a surrogate pair, which a message of a foreign server may contain."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def storable_value(value: Any) -> Any:
    """A JSON value, or one that becomes one, with every text in it as PostgreSQL holds it."""
    match value:
        case str():
            return storable_text(value)
        case Mapping():
            return {storable_text(str(key)): storable_value(item) for key, item in value.items()}
        case list() | tuple():
            return [storable_value(item) for item in value]
        case _:
            return value


def _storable_json(value: Any) -> str:
    return storable_text(json.dumps(value, ensure_ascii=False).replace("\\u0000", "\\ufffd"))
