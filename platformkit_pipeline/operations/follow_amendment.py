"""Whether a target follows an amendment, by what its scans found (clause 13)."""

from __future__ import annotations

from datetime import date

from platformkit_pipeline.control_plane import findings
from platformkit_pipeline.control_plane.amendments import BoundTarget, covers_of
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.governance.coverage import Violation, covers_on
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.operations.amendment_rules import rules_for_kind


def follows_by_findings(connection: Connection, bound: BoundTarget, repository: str | None, today: date) -> bool | None:
    """Whether a scan after the acceptance judged the amendment's rules, and nothing that it found is open and not excused on `today`.

    What could not be told is no proof. None where no scan tells of these rules, so that only the document can. `repository` is the one
    whose exceptions hold for the target besides those that name it.
    """
    rules = rules_for_kind(bound.rules, bound.target.kind)
    if not rules:
        return None
    if bound.scan_id is None or not rules <= bound.judged_rules:
        return False
    found = [one for one in findings.open_findings(connection, bound.target_id) if one.result.rule in rules]
    if any(one.result.outcome is not Outcome.FAIL for one in found):
        return False
    violations = [Violation(one.result.rule, one.fingerprint, str(one.result.object)) for one in found]
    excused = covers_on(covers_of(connection, bound.target_id, bound.target.name, repository), violations, today) if violations else {}
    return all(violation.fingerprint in excused for violation in violations)
