"""Second stage: judge the stored inventory, one asset and one check per rule family."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.operations.alert_findings import alert_findings
from platformkit_pipeline.operations.judge_target import judge_target
from platformkit_pipeline.orchestration.assets.stage import Stage, TargetRun
from platformkit_pipeline.orchestration.assets.verdicts import family_check, family_events, family_spec, report_event
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, INVENTORY, family_key
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.rules.registry import Scope, project_families, rules_for, rules_of, ruleset_digest


def _judge(run: TargetRun) -> Iterator[Event]:
    wanted = [family for family in project_families() if run.selection.wants(family_key(family))]
    if run.selection.wants(COMPLIANCE_REPORT):
        wanted = list(project_families())
    judgement = judge_target(run.connection, run.target, run.declarations, families=wanted, run_id=run.run_id)
    alert_findings(run.connection, run.target, judgement.report.scan_id, datetime.now(UTC), run_id=run.run_id)
    for family in wanted:
        yield from family_events(run.record, rules_of(family), judgement)
    yield report_event(run.record, COMPLIANCE_REPORT, judgement)


COMPLIANCE = Stage(
    specs=(
        *(
            family_spec(rules_of(family), judged="every object of the project", deps=[INVENTORY], partitions_def=supabase_projects)
            for family in project_families()
        ),
        dg.AssetSpec(
            COMPLIANCE_REPORT,
            deps=[family_key(family) for family in project_families()],
            group_name="compliance",
            description=(
                "All results of one scan and their score: weights critical 27, high 9, medium 3, low 1; any failing or unknown "
                "critical caps at 49, any high at 89 (clauses 1.2, 7.2). Findings are resolved when they are gone."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version=ruleset_digest(rules_for(Scope.PROJECT)),
            metadata=code_of(judge_target),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_judge,
    checks=tuple(family_check(rules_of(family), supabase_projects) for family in project_families()),
    operation="judge",
)
