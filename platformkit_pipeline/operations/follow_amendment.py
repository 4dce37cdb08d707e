"""Whether a target follows an amendment, by what its scans found (clause 13)."""

from __future__ import annotations

from datetime import date

from platformkit_pipeline.control_plane import findings
from platformkit_pipeline.control_plane.amendments import BoundTarget
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.operations.amendment_rules import rules_for_kind
from platformkit_pipeline.operations.cover_findings import covers_of_results, covers_of_target


def follows_by_findings(connection: Connection, bound: BoundTarget, today: date) -> bool | None:
    """Whether a scan after the acceptance judged the amendment's rules, and nothing that it found is open and not excused on `today`.

    What could not be told is no proof. None where no scan tells of these rules, so that only the document can.
    """
    rules = rules_for_kind(bound.rules, bound.target.kind)
    if not rules:
        return None
    if bound.scan_id is None or not rules <= bound.judged_rules:
        return False
    found = [one for one in findings.open_findings(connection, bound.target_id) if one.result.rule in rules]
    if any(one.result.outcome is not Outcome.FAIL for one in found):
        return False
    if not found:
        return True
    covers = covers_of_target(connection, bound.target, bound.target_id)
    return len(covers_of_results(bound.target, [one.result for one in found], covers, today)) == len(found)
