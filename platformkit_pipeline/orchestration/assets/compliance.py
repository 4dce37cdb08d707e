"""Second stage: judge the stored inventory, one asset and one check per rule family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.operations.judge_target import judge_target
from platformkit_pipeline.operations.keep_judgement import Judgement
from platformkit_pipeline.orchestration.assets.stage import Stage, TargetRun
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, INVENTORY, family_key
from platformkit_pipeline.orchestration.metadata import findings_metadata, outcome_metadata, severity_metadata, unobserved_metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event, results_version
from platformkit_pipeline.rules.registry import Family, Scope, Source, find_rule, project_families, rules_for, rules_of, ruleset_digest

VERDICT = "verdict"
"""Name of the check on every rule family."""


def _judge(run: TargetRun) -> Iterator[Event]:
    wanted = [family for family in project_families() if run.selection.wants(family_key(family))]
    if run.selection.wants(COMPLIANCE_REPORT):
        wanted = list(project_families())
    judgement = judge_target(run.connection, run.target, run.declarations, families=wanted, run_id=run.run_id)
    for family in wanted:
        codes = {rule.code for rule in rules_of(family)}
        yield from _family(run, family, judgement.report.scan_id, [r for r in judgement.report.results if r.rule in codes])
    yield _report(run, judgement)


def _family(run: TargetRun, family: Family, scan_id: str, results: Sequence[Result]) -> Iterator[Event]:
    score = compliance_score(results)
    yield run.record.materialized(
        family_key(family),
        {
            "scan_id": dg.MetadataValue.text(scan_id),
            "score": dg.MetadataValue.float(score.raw_display),
            **outcome_metadata(results),
            **severity_metadata(results),
        },
        data_version=results_version(results),
    )
    findings = [r for r in results if r.is_finding and r.severity is not Severity.INFO]
    awaited = [r for r in findings if _is_awaited(r)]
    judged = [r for r in findings if not _is_awaited(r)]
    severe = [r for r in judged if r.severity.at_least(Severity.HIGH)]
    yield run.record.checked(
        family_key(family),
        VERDICT,
        passed=not findings,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=_sentence(judged, severe, awaited),
        metadata={"scan_id": dg.MetadataValue.text(scan_id), **findings_metadata(findings)},
    )


def _is_awaited(result: Result) -> bool:
    """Not judged for want of figures that come with time and traffic: no PASS, and nothing that somebody did wrong either."""
    rule = find_rule(result.rule)
    return result.outcome is Outcome.UNKNOWN and rule is not None and rule.source in (Source.STATISTICS, Source.LOGS)


def _sentence(judged: Sequence[Result], severe: Sequence[Result], awaited: Sequence[Result]) -> str:
    said = []
    if judged:
        blind = sum(r.outcome is Outcome.UNKNOWN for r in judged)
        said.append(f"{len(judged)} findings, {len(severe)} of them critical or high, {blind} because something could not be observed.")
    if awaited:
        rules = ", ".join(sorted({r.rule for r in awaited}))
        said.append(f"Could not be measured yet: {rules}.")
        said += [] if judged else ["Whatever could be judged passed."]
    return " ".join(said) or "Every object passed."


def _report(run: TargetRun, judgement: Judgement) -> Event:
    report, changes = judgement.report, judgement.changes
    return run.record.materialized(
        COMPLIANCE_REPORT,
        {
            "scan_id": dg.MetadataValue.text(report.scan_id),
            "score": dg.MetadataValue.float(report.score.raw_display),
            "score_effective": dg.MetadataValue.float(report.score.effective_display),
            "catalog_fingerprint": dg.MetadataValue.text(report.catalog_fingerprint),
            "ruleset_digest": dg.MetadataValue.text(report.ruleset_digest),
            "complete": dg.MetadataValue.bool(judgement.complete),
            "opened": dg.MetadataValue.int(changes.opened),
            "reopened": dg.MetadataValue.int(changes.reopened),
            "still_open": dg.MetadataValue.int(changes.still_open),
            "resolved": dg.MetadataValue.int(changes.resolved),
            **outcome_metadata(report.results),
            **severity_metadata(report.results),
            **unobserved_metadata(report.unobserved),
        },
        data_version=results_version(report.results),
    )


def _family_spec(family: Family) -> dg.AssetSpec:
    rules = rules_of(family)
    listed = "\n".join(f"- {rule.code} (clause {rule.clause}, {rule.severity.value}): {rule.title}" for rule in rules)
    return dg.AssetSpec(
        family_key(family),
        deps=[INVENTORY],
        group_name="compliance",
        description=f"What the rules of this family say about every object of the project.\n\n{listed}",
        owners=OWNERS,
        kinds={"python", "postgres"},
        code_version=ruleset_digest(rules),
        metadata=code_of(rules[0].check, family.value),
        partitions_def=supabase_projects,
        skippable=True,
    )


def _family_check(family: Family) -> dg.AssetCheckSpec:
    codes = ", ".join(rule.code for rule in rules_of(family))
    return dg.AssetCheckSpec(
        VERDICT,
        asset=family_key(family),
        description=(
            f"No open finding of {codes}. ERROR when a critical or high one failed or could not be judged, else WARN; "
            "WARN as well for what statistics or logs do not tell yet. "
            "Does not block: a plan is wanted exactly when there are findings."
        ),
        blocking=False,
        partitions_def=supabase_projects,
    )


COMPLIANCE = Stage(
    specs=(
        *(_family_spec(family) for family in project_families()),
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
    checks=tuple(_family_check(family) for family in project_families()),
)
