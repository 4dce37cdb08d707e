"""Beside the road: do the repository's migrations make what is live? Nobody waits for the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.model.migration_history import DriftReport
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.operations.check_drift import history_rules
from platformkit_pipeline.operations.check_target_drift import TargetDrift, check_target_drift
from platformkit_pipeline.operations.gate_roads import VERDICT
from platformkit_pipeline.operations.read_settings import resolve_dsn
from platformkit_pipeline.orchestration.assets.stage import Stage, TargetRun
from platformkit_pipeline.orchestration.keys import INVENTORY, MIGRATIONS
from platformkit_pipeline.orchestration.metadata import Metadata, findings_metadata, table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event, results_version
from platformkit_pipeline.reporting.drift import COLUMNS, conclusion_line, drift_rows, summary
from platformkit_pipeline.rules.registry import ruleset_digest


def _check(run: TargetRun) -> Iterator[Event]:
    drift = check_target_drift(run.connection, run.target, resolve_dsn(run.project), run.migrations)
    report = drift.report
    yield run.record.materialized(
        MIGRATIONS,
        {
            "scan_id": dg.MetadataValue.text(drift.scan_id),
            "conclusion": dg.MetadataValue.text(_conclusion(report)),
            "regressions": table(
                dict.fromkeys(("object", "protection", "before", "scan"), "string"),
                [(r.object, r.protection, r.before, r.scan_id or "") for r in drift.regressions],
            ),
            **(_compared(report) if report else {}),
        },
        data_version=_version(drift),
    )
    if report is not None:
        yield _verdict(run, drift, report)


def _version(drift: TargetDrift) -> str:
    """The same verdicts, and the same protections lost."""
    lost = "".join(f"{r.object}\0{r.protection}\n" for r in drift.regressions)
    told = results_version(drift.report.results) if drift.report else "not checked"
    return hashlib.sha256(f"{told}\n{lost}".encode()).hexdigest()[:16]


def _conclusion(report: DriftReport | None) -> str:
    if report is None:
        return "not checked: the settings name no repository with migrations for this project"
    return f"{report.conclusion.value}: {conclusion_line(report)}"


def _compared(report: DriftReport) -> Metadata:
    rows = [tuple("" if cell is None else cell for cell in row) for row in drift_rows(report.history.differences or ())]
    return {
        "differences": table(dict.fromkeys(COLUMNS, "string"), rows),
        "objects_compared": dg.MetadataValue.int(report.history.compared),
        "replayed": dg.MetadataValue.int(len(report.history.replay.applied)),
        **{name: dg.MetadataValue.int(number) for name, number in summary(report).items() if name != "regressions"},
    }


def _verdict(run: TargetRun, drift: TargetDrift, report: DriftReport) -> Event:
    return run.record.checked(
        MIGRATIONS,
        VERDICT,
        passed=report.conclusion is Outcome.PASS,
        severity=dg.AssetCheckSeverity.ERROR if report.conclusion is Outcome.FAIL else dg.AssetCheckSeverity.WARN,
        description=_conclusion(report),
        metadata={"scan_id": dg.MetadataValue.text(drift.scan_id), **findings_metadata(report.results)},
    )


_RULES = "\n".join(f"- {rule.code} (clause {rule.clause}, {rule.severity.value}): {rule.title}" for rule in history_rules())

DRIFT = Stage(
    specs=(
        dg.AssetSpec(
            MIGRATIONS,
            deps=[INVENTORY],
            group_name="compliance",
            description=(
                "The repository's migrations, applied to an empty project on a private server, compared with what is live, object by "
                "object: grants, policies, options of views, search_path of functions, comments and owners as well (clauses 1.2, 8.2). "
                f"Protections that an object has lost since an earlier scan are named.\n\n{_RULES}"
            ),
            owners=OWNERS,
            kinds={"sql", "postgres"},
            code_version=ruleset_digest(history_rules()),
            metadata=code_of(check_target_drift),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_check,
    checks=(
        dg.AssetCheckSpec(
            VERDICT,
            asset=MIGRATIONS,
            description="The migrations replay, and make what is live. WARN when that could not be told. Does not block.",
            blocking=False,
            partitions_def=supabase_projects,
        ),
    ),
)
