"""Scan one connector: observe it and judge it. Nothing is stored, and nothing is sent to its other side but questions."""

from __future__ import annotations

from collections.abc import Sequence

from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.connector_inventory import inventory_of
from platformkit_pipeline.model.inventory import set_digest
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.settings import Connector, connector_limits_of, target_of
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.observe_connector import observed
from platformkit_pipeline.rules.evaluate_connector import evaluate_connector
from platformkit_pipeline.rules.registry import Rule, rules_about_connectors, ruleset_digest

_log = get_logger("operations.scan_connector")


def scan_connector(connector: Connector, *, rules: Sequence[Rule] | None = None, clock: Clock = SYSTEM_CLOCK) -> ScanReport:
    """Observe the connector and judge it by `rules`, without which by all about connectors."""
    chosen = rules_about_connectors() if rules is None else tuple(rules)
    target = target_of(connector)
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(scan_id=scan_id, target=target.name):
        snapshot = observed(connector)
        results = evaluate_connector(snapshot, chosen, connector_limits_of(connector))
        report = ScanReport(
            scan_id=scan_id,
            target=target,
            server_version=None,
            connector=snapshot.software,
            started_at=started_at,
            duration_seconds=clock.seconds() - started,
            catalog_fingerprint=set_digest(inventory_of(snapshot)),
            ruleset_digest=ruleset_digest(chosen),
            results=results,
            score=compliance_score(results),
            unobserved=snapshot.unobserved,
        )
        _log.info("scanned", results=len(report.results), findings=len(report.findings), duration_seconds=report.duration_seconds)
    return report
