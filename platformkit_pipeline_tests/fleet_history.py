"""A control plane with a few nights behind it: what dashboards, the report and the endpoint show."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from platformkit_pipeline.control_plane import findings, metrics, parity, scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.parity import StoredDecision
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.inventory import inventory_object
from platformkit_pipeline.model.parity import ParityReport, parity_score
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.operations.measure_delivery import measure_delivery
from platformkit_pipeline.operations.measured import Measures
from platformkit_pipeline.operations.roll_up_metrics import roll_up_metrics

HOSTILE = 'shop"\\<script>alert(1)</script>\u2028&{{\nnext'
FIRST_NIGHT = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
RULE = "RLS001"


def fleet(size: int = 3) -> tuple[Target, ...]:
    """The first is called what nobody should be called."""
    named = (HOSTILE, *(f"shop-{i:03}" for i in range(1, size)))
    return tuple(Target(TargetKind.SUPABASE_PROJECT, name, Environment.STAGING, ("team:shop",)) for name in named)


def nights_behind(connection: Connection, nights: int = 4, size: int = 3) -> datetime:
    """Let `nights` pass over a fleet: each night one table fewer is open; returns the time of the last roll-up. Commits."""
    members = fleet(size)
    with connection.transaction():
        targets.sync(connection, members)
    now = FIRST_NIGHT
    for night in range(nights):
        now = FIRST_NIGHT + timedelta(days=night)
        with connection.transaction():
            for position, target in enumerate(members):
                _one_night(connection, target, night, open_tables=max(0, nights - night - position % 2), now=now)
            _decide(connection, members[0], now)
            measure_delivery(connection, at=now)
            for operation, outcome in (("plan", None), ("gate", None), ("prove", RuntimeError("the shadow was lost"))):
                _attempt(connection, members[0], operation, outcome, now)
        roll_up_metrics(connection, now + timedelta(hours=1))
    with connection.transaction():
        announce(connection, [Alert(AlertKind.SCAN_FAILED, "scan", Severity.HIGH, f"{HOSTILE} cannot be scanned", members[0], {})], [], now)
    connection.commit()
    return now + timedelta(hours=1)


def _one_night(connection: Connection, target: Target, night: int, *, open_tables: int, now: datetime) -> None:
    stored = targets.find(connection, target.kind, target.name)
    assert stored is not None
    scan = scans.ScanRecord(
        scan_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{target.name}/{night}")),
        target_id=stored.target_id,
        started_at=now,
        duration_seconds=0.5 + night / 10,
        server_version="17.6",
        catalog_fingerprint=f"fingerprint-{night}",
        run_id=f"run-{night}",
    )
    keep_observation(connection, scan, [inventory_object("table", f"public.t{i}", {"name": f"t{i}"}) for i in range(6)])
    results = tuple(_result(i, Outcome.FAIL if i < open_tables else Outcome.PASS) for i in range(6))
    findings.write(connection, target, stored.target_id, scan.scan_id, results, rules=frozenset({RULE}))
    score = compliance_score(results)
    scans.complete(connection, scan.scan_id, ruleset_digest="digest", score=score, counts=scans.count_results(results))
    metrics.record(
        connection, "compliance.score", float(score.raw), "percent", target_id=stored.target_id, scan_id=scan.scan_id, run_id="run", at=now
    )
    checks = (CheckResult(Dimension.DATA, "orders", "unique", Severity.LOW, Outcome.PASS, "", {}, count=1, duration_seconds=0.1),)
    weights = dict.fromkeys(Dimension, 20)
    report = ParityReport(
        parity_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"parity/{target.name}/{night}")),
        target=target,
        started_at=now,
        duration_seconds=1.5,
        contracts_digest="digest",
        declared=(Dimension.DATA,),
        weights=weights,
        results=checks,
        parity=parity_score(checks, (Dimension.DATA,), weights),
        of_default_branch=True,
    )
    parity.store(connection, stored.target_id, report)
    metrics.record(connection, "parity.score", 100.0, "percent", target_id=stored.target_id, at=now)


def _result(table: int, outcome: Outcome) -> Result:
    name = f"t{table}"
    severity = Severity.CRITICAL if table % 2 else Severity.HIGH
    return Result(
        RULE,
        "rls-disabled",
        "2.1",
        severity,
        outcome,
        relation_identity("table", "public", name),
        f"public.{name} is open",
        PatchKind.SQL,
        {},
    )


def _decide(connection: Connection, target: Target, now: datetime) -> None:
    stored = targets.find(connection, target.kind, target.name)
    assert stored is not None
    parity.store_decision(
        connection,
        stored.target_id,
        StoredDecision("deploy", None, None, "no", ("open critical findings: 1",), {"day": now.isoformat()}, now, None, None),
    )


def _attempt(connection: Connection, target: Target, operation: str, fault: Exception | None, now: datetime) -> None:
    measures = Measures(Clock(now=lambda: now))
    try:
        with measures.operation(operation):
            if fault is not None:
                raise fault
    except RuntimeError:
        pass
    measures.store(connection, target, "run")
