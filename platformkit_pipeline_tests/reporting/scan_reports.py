"""Small builders of reports for the tests of this room and of the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity, relation_identity
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.rules.registry import find_rule

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.PRODUCTION, ("team:shop",))
ORDERS = relation_identity("table", "public", "orders")


def result(
    code: str = "RLS001",
    outcome: Outcome = Outcome.FAIL,
    identity: ObjectIdentity = ORDERS,
    message: str = "has no row level security",
    **evidence: Any,
) -> Result:
    """A result of a registered rule."""
    rule = find_rule(code)
    assert rule is not None
    return Result(rule.code, rule.name, rule.clause, rule.severity, outcome, identity, message, rule.patch, evidence)


def report(*results: Result, unobserved: tuple[Unobserved, ...] = (), scan_id: str = "scan-1", target: Target = SHOP) -> ScanReport:
    """A report of those results, in the order of the contract."""
    ordered = tuple(sorted(results, key=lambda r: r.sort_key))
    return ScanReport(
        scan_id=scan_id,
        target=target,
        server_version="15.18",
        started_at=datetime(2026, 1, 31, 2, 0, 0, 125000, tzinfo=UTC),
        duration_seconds=0.4142,
        catalog_fingerprint="f" * 64,
        ruleset_digest="0123456789abcdef",
        results=ordered,
        score=compliance_score(ordered),
        unobserved=unobserved,
    )


def mixed_report() -> ScanReport:
    """One result of every outcome, on objects of several kinds, with names that nobody would choose."""
    return report(
        result(),
        result(identity=relation_identity("table", "public", 'O"Brien | `x`\n<b>@team\x1b[31m')),
        result(
            "TEN003",
            Outcome.UNKNOWN,
            ObjectIdentity("policy", "public", "orders", (("policy", "own rows"),)),
            "could not be parsed",
            why="x",
        ),
        result(
            "FUN001", Outcome.FAIL, ObjectIdentity("function", "public", "f", (("arguments", "a integer"),)), "takes its path from callers"
        ),
        result("EXT001", Outcome.FAIL, ObjectIdentity("extension", None, "postgis"), "lives in public"),
        result("AUD001", Outcome.PASS, message=""),
        result("TEN001", Outcome.NOT_APPLICABLE, message="one tenant: an internal tool"),
        unobserved=(Unobserved("storage_buckets", "permission denied for schema storage"),),
    )
