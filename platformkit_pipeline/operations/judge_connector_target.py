"""Judge the latest stored observation of a connector, and keep its findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.connector import DEFAULT_LIMITS, ConnectorLimits
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.keep_judgement import Judgement, RuleBook, keep_judgement
from platformkit_pipeline.operations.stored_connector import latest_connector_observation
from platformkit_pipeline.rules.evaluate_connector import evaluate_connector
from platformkit_pipeline.rules.registry import Family, rules_about_connectors

FAMILIES = (Family.CONNECTORS,)
"""All rules about connectors are one family."""


def judge_connector_target(
    connection: Connection, target: Target, *, limits: ConnectorLimits = DEFAULT_LIMITS, run_id: str | None, today: date | None = None
) -> Judgement:
    """Apply all rules about connectors, write their findings and complete the scan.

    What covers findings on the UTC day `today`, by default that of the scan, counts in the effective score.

    One transaction; the same call again changes nothing. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_connector_observation(connection, target)
        snapshot = observation.snapshot
        book = RuleBook.of_families(rules_about_connectors(), FAMILIES, lambda rules: evaluate_connector(snapshot, rules, limits))
        with bind_ids(target=target.name, scan_id=observation.scan.scan_id, **({"run_id": run_id} if run_id else {})):
            judgement = keep_judgement(connection, target, observation.scan, book, families=FAMILIES, run_id=run_id, today=today)
    return replace(judgement, report=replace(judgement.report, connector=snapshot.software))
