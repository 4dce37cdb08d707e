"""Parity: runs of contracts with their scores and results, and what gates decided; stored once, never changed."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import floored, jsonb, storable_text
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.parity import CheckKey, ParityReport, parity_score
from platformkit_pipeline.model.parity_document import parity_to_json
from platformkit_pipeline.model.parity_gate import BestScore
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import Score, exact
from platformkit_pipeline.model.target import Environment, Target, TargetKind

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class StoredParity:
    target_id: int
    report: ParityReport


@dataclass(frozen=True, slots=True)
class ParityPoint:
    """One run in the history of a target. `dimensions` has the declared ones; `score` is None where there was nothing to score."""

    parity_id: str
    started_at: datetime
    commit: str | None
    branch: str | None
    of_default_branch: bool
    score: Score | None
    dimensions: Mapping[Dimension, Score]


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One answer of a gate as it is stored. `inputs` holds JSON values: everything that it rests on."""

    gate: str
    parity_id: str | None
    base_parity_id: str | None
    verdict: str
    reasons: tuple[str, ...]
    inputs: Mapping[str, Any]
    decided_at: datetime
    scan_id: str | None = None
    run_id: str | None = None
    judged: str | None = None
    """The verdict without any override; None means that it is the verdict."""
    override_id: str | None = None


def store(connection: Connection, target_id: int, report: ParityReport) -> bool:
    """Store a run with its results; returns whether it is new. The same run again is a no-op: what it said first stays.

    Raises ControlPlaneError when the id is already that of another run.
    """
    require_transaction(connection)
    if not connection.execute(statement("parity_insert"), _row(target_id, report)).rowcount:
        stored = find(connection, report.parity_id)
        if stored is None or stored.target_id != target_id or not _same_run(stored.report, report):
            raise ControlPlaneError(f"parity run {report.parity_id} is already stored and is another: every run needs an id of its own")
        return False
    with connection.cursor() as cursor:
        cursor.executemany(statement("parity_add_result"), [_result_row(report, result) for result in report.results])
    return True


def find(connection: Connection, parity_id: str) -> StoredParity | None:
    """The run of that id, scored anew from its results; None when it was never stored, also for what is no UUID."""
    if not _is_uuid(parity_id):
        return None
    row = connection.execute(statement("parity_find"), {"parity_id": parity_id}).fetchone()
    return None if row is None else _stored(row, connection.execute(statement("parity_results"), {"parity_id": parity_id}).fetchall())


def named(connection: Connection, target_id: int, reference: str, *, but: str | None = None) -> StoredParity | None:
    """The run of the target that `reference` names, which is never the run `but`; None when there is none.

    An id, a full commit (its latest run), or LATEST for the last run of the default branch.
    """
    row = connection.execute(
        statement("parity_named"),
        {
            "target_id": target_id,
            "parity_id": reference if _is_uuid(reference) else None,
            "commit": reference,
            "latest": reference == LATEST,
            "but": but,
        },
    ).fetchone()
    return find(connection, row[0]) if row else None


def predecessor(connection: Connection, target_id: int, report: ParityReport) -> StoredParity | None:
    """The run of the target's default branch before `report`; None when that is the first."""
    row = connection.execute(
        statement("parity_predecessor"), {"target_id": target_id, "parity_id": report.parity_id, "started_at": report.started_at}
    ).fetchone()
    return find(connection, row[0]) if row else None


def best(connection: Connection, target_id: int, *, since: datetime, until: datetime, but: str) -> BestScore | None:
    """The highest effective score of the target's default branch in that time, the run `but` aside."""
    rows = connection.execute(
        statement("parity_scored"), {"target_id": target_id, "since": since, "until": until, "parity_id": but}
    ).fetchall()
    scored = [BestScore(parity_id, Fraction(effective)) for parity_id, effective in rows]
    return max(scored, key=lambda b: (b.effective, b.parity_id), default=None)


def history(connection: Connection, target_id: int, *, limit: int = 90, default_branch_only: bool = True) -> tuple[ParityPoint, ...]:
    """The last runs of the target, latest first."""
    rows = connection.execute(
        statement("parity_history"), {"target_id": target_id, "limit": limit, "default_branch_only": default_branch_only}
    ).fetchall()
    return tuple(_point(row) for row in rows)


def store_decision(connection: Connection, target_id: int, decision: StoredDecision) -> str:
    """Store what a gate decided; returns its id. The same answer from the same inputs again is a no-op."""
    text = json.dumps([decision.gate, target_id, decision.parity_id, decision.verdict, decision.inputs], sort_keys=True, default=str)
    decision_id = str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5))
    connection.execute(
        statement("gate_decisions_insert"),
        {
            "decision_id": decision_id,
            "target_id": target_id,
            "gate": decision.gate,
            "parity_id": decision.parity_id,
            "base_parity_id": decision.base_parity_id,
            "scan_id": decision.scan_id,
            "run_id": decision.run_id,
            "inputs": jsonb(decision.inputs),
            "verdict": decision.verdict,
            "reasons": [storable_text(reason) for reason in decision.reasons],
            "decided_at": decision.decided_at,
            "judged": decision.judged or decision.verdict,
            "override_id": decision.override_id,
        },
    )
    return decision_id


def _same_run(stored: ParityReport, now: ParityReport) -> bool:
    """A step of Dagster that starts again measures again, in the same run; outside Dagster every measurement is a run."""
    return stored.run_id == now.run_id if now.run_id else stored.started_at == now.started_at


def _row(target_id: int, report: ParityReport) -> dict[str, Any]:
    score = report.parity.score
    return {
        "parity_id": report.parity_id,
        "target_id": target_id,
        "scan_id": report.scan_id,
        "run_id": report.run_id,
        "started_at": report.started_at,
        "duration_seconds": report.duration_seconds,
        "commit": report.commit,
        "branch": report.branch,
        "of_default_branch": report.of_default_branch,
        "contracts_digest": report.contracts_digest,
        "declared": [dimension.value for dimension in report.declared],
        "weights": jsonb({dimension.value: weight for dimension, weight in report.weights.items()}),
        "dimensions": jsonb(parity_to_json(report.parity)["dimensions"]),
        "raw_score": floored(score.raw) if score else None,
        "effective_score": floored(score.effective) if score else None,
        "raw_score_exact": exact(score.raw) if score else None,
        "effective_score_exact": exact(score.effective) if score else None,
        "reason": report.parity.reason,
    }


def _result_row(report: ParityReport, result: CheckResult) -> dict[str, Any]:
    return {
        "parity_id": report.parity_id,
        "dimension": result.dimension.value,
        "contract": storable_text(result.contract),
        "check": storable_text(result.check),
        "severity": result.severity.value,
        "outcome": result.outcome.value,
        "waived": result.key in report.waived,
        "message": storable_text(result.message),
        "evidence": jsonb(dict(result.evidence)),
        "count": result.count,
        "duration_seconds": result.duration_seconds,
    }


def _stored(row: tuple[Any, ...], results: list[tuple[Any, ...]]) -> StoredParity:
    (parity_id, target_id, kind, name, environment, owners, scan_id, run_id, started_at, duration) = row[:10]
    commit, branch, of_default_branch, digest, declared, weights = row[10:]
    said = tuple(sorted((_result(r) for r in results), key=lambda r: r.sort_key))
    waived: frozenset[CheckKey] = frozenset(result.key for result, stored in zip(map(_result, results), results, strict=True) if stored[9])
    dimensions = tuple(Dimension(d) for d in declared)
    weighed = {Dimension(d): weight for d, weight in weights.items()}
    report = ParityReport(
        parity_id=parity_id,
        target=Target(TargetKind(kind), name, Environment(environment), tuple(owners)),
        started_at=started_at,
        duration_seconds=duration,
        contracts_digest=digest,
        declared=dimensions,
        weights=weighed,
        results=said,
        parity=parity_score(said, dimensions, weighed, waived),
        waived=waived,
        commit=commit,
        branch=branch,
        of_default_branch=of_default_branch,
        scan_id=scan_id,
        run_id=run_id,
    )
    return StoredParity(target_id, report)


def _result(row: tuple[Any, ...]) -> CheckResult:
    dimension, contract, check, severity, outcome, message, evidence, count, duration, _ = row
    return CheckResult(Dimension(dimension), contract, check, Severity(severity), Outcome(outcome), message, evidence, count, duration)


def _point(row: tuple[Any, ...]) -> ParityPoint:
    parity_id, started_at, commit, branch, of_default_branch, raw, effective, dimensions = row
    score = Score(Fraction(raw), Fraction(effective)) if raw is not None else None
    by_dimension = {
        Dimension(d["dimension"]): Score(Fraction(d["score"]["raw_exact"]), Fraction(d["score"]["effective_exact"])) for d in dimensions
    }
    return ParityPoint(parity_id, started_at, commit, branch, of_default_branch, score, by_dimension)


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
