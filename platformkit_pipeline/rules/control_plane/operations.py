"""Every target is seen every night, the audit log is whole, and the constitution is reviewed every year (clauses 4.2, 11.1, 11.2)."""

from __future__ import annotations

from datetime import UTC, date

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.review import review_due_date, review_is_due
from platformkit_pipeline.model.scan import STALE_AFTER
from platformkit_pipeline.rules.control_plane_subject import ControlPlaneSubject, operations_rule, target_identity
from platformkit_pipeline.rules.registry import PASSED, Verdicts, failed, not_applicable


@operations_rule(
    "OPS001",
    "target-not-scanned",
    clause="4.2",
    severity=Severity.HIGH,
    title="A target was not scanned for 26 hours",
    why="What is known of it is of yesterday or older: nobody would notice what changed since, and its gate stays shut.",
    how_to_fix="See in Dagit why its nightly run failed or never started, and scan it: `platformkit scan --target NAME`, or the job of its "
    "kind on its partition. A target that is gone is taken out of the settings.",
    violating="scanned_hours_ago: 27",
    clean="scanned_hours_ago: 25",
)
def target_not_scanned(subject: ControlPlaneSubject) -> Verdicts:
    now = subject.snapshot.now
    for target in subject.snapshot.targets:
        since = target.last_scan or target.added_at
        if now - since <= STALE_AFTER:
            yield PASSED
            continue
        at = f"{since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        said = f"its last complete scan began at {at}" if target.last_scan else f"it has had no complete scan since it was added at {at}"
        yield failed(target_identity(target), f"{target.label}: {said}", last_scan=target.last_scan and target.last_scan.isoformat())


@operations_rule(
    "OPS002",
    "audit-chain-broken",
    clause="11.1",
    severity=Severity.CRITICAL,
    title="The audit log or a decision was changed behind it, or it lacks an anchor that was noted outside",
    why="The chain says who decided what. Broken, or grown anew behind an anchor, it proves nothing: somebody with the rights of a "
    "superuser rewrote it, or the database was restored from a backup that is older than the anchor.",
    how_to_fix="Keep a copy of the database and of the anchors as they are, find out who had superuser rights, and compare with a backup. "
    "docs/audit.md says how to go on after a restore that you made yourself.",
    violating="audit: changed",
    clean="audit: anchored",
)
def audit_chain_broken(subject: ControlPlaneSubject) -> Verdicts:
    audit = subject.snapshot.audit
    wrong = (*audit.problems, *audit.missing_anchors)
    if wrong:
        evidence = {"problems": list(audit.problems), "missing_anchors": list(audit.missing_anchors), "length": audit.length}
        yield failed(subject.audit_identity, f"the audit log does not bear out what there is: {wrong[0]}", **evidence)
    else:
        yield PASSED


@operations_rule(
    "OPS003",
    "annual-review-overdue",
    clause="11.2",
    severity=Severity.MEDIUM,
    title="The first quarter is over and the constitution was not reviewed this year",
    why="Rules that nobody looks at in a year are followed by habit, or not at all.",
    how_to_fix="Hold the review (`platformkit review open` opens it where nothing did) and say what came of it: "
    "`platformkit review complete`.",
    violating="""
today: 2026-04-01
installed: 2025-06-01
reviews: [{year: 2026}]
""",
    clean="""
today: 2026-04-01
installed: 2025-06-01
reviews: [{year: 2026, completed: 2026-03-31}]
""",
)
def annual_review_overdue(subject: ControlPlaneSubject) -> Verdicts:
    snapshot = subject.snapshot
    year = snapshot.today.year
    review = next((r for r in snapshot.reviews if r.year == year), None)
    if (review is not None and review.completed_at is not None) or review_is_due(snapshot.today):
        yield PASSED
    elif (installed := snapshot.installed_at.astimezone(UTC).date()) > date(year, 1, 1):
        why = f"the control plane is there since {installed}, and had no whole first quarter yet"
        yield not_applicable(subject.review_identity(year), why)
    else:
        state = "was opened and not completed" if review else "was never opened"
        yield failed(subject.review_identity(year), f"the review of {year} was due by {review_due_date(year)} and {state}")
