"""Judge the latest stored observation of a repository, family by family, and keep its findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from platformkit_pipeline.control_plane import exceptions
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.keep_judgement import Judgement, RuleBook, keep_judgement
from platformkit_pipeline.operations.stored_repository import latest_repository_observation
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Family, rules_about_a_commit


@collector_paused()
def judge_repository_target(
    connection: Connection, target: Target, *, today: date, families: Sequence[Family] = tuple(Family), run_id: str | None
) -> Judgement:
    """Apply the rules of `families` as of the UTC day `today`, and write their findings; complete the scan once all have judged.

    Rules about a change have no say: a stored observation has no base. One transaction; the same call again changes
    nothing. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_repository_observation(connection, target)
        scan = observation.scan
        recorded = _recorded(connection, observation.target_id)
        book = RuleBook.of_families(
            rules_about_a_commit(),
            families,
            lambda rules: evaluate_repository(observation.snapshot, rules, today, recorded_exceptions=recorded),
        )
        with bind_ids(target=target.name, scan_id=scan.scan_id, **({"run_id": run_id} if run_id else {})):
            judgement = keep_judgement(connection, target, scan, book, families=families, run_id=run_id, today=today)
    told = tuple(u for u in judgement.report.unobserved if u.what != RepositoryFacet.RECORDED_EXCEPTIONS)  # by the control plane itself
    return replace(judgement, report=replace(judgement.report, unobserved=told))


def _recorded(connection: Connection, target_id: int) -> tuple[str, ...]:
    """Paths of the documents that `ops.exceptions` has of the repository."""
    return tuple(row.entry.path for row in exceptions.of_repository(connection, target_id) if row.removed_at is None)
