"""Judge the latest stored observation of a project, family by family, and keep its findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.keep_judgement import Judgement, RuleBook, keep_judgement
from platformkit_pipeline.operations.stored_snapshot import latest_observation
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Family, Scope, rules_for


@collector_paused()
def judge_target(
    connection: Connection,
    target: Target,
    declarations: Declarations,
    *,
    families: Sequence[Family] = tuple(Family),
    run_id: str | None,
    today: date | None = None,
) -> Judgement:
    """Apply the rules of `families` and write their findings; complete the scan once every family was judged.

    What covers findings on the UTC day `today`, by default that of the scan, counts in the effective score.

    One transaction: findings and verdict appear together. The same call again changes nothing. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_observation(connection, target)
        scan = observation.scan
        book = RuleBook.of_families(rules_for(Scope.PROJECT), families, lambda rules: evaluate(observation.snapshot, declarations, rules))
        with bind_ids(project_id=target.name, scan_id=scan.scan_id, **({"run_id": run_id} if run_id else {})):
            return keep_judgement(connection, target, scan, book, families=families, run_id=run_id, today=today)
