"""What all rule families have in common, whatever they judge: their asset, their check, and the report over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.operations.gate_roads import VERDICT
from platformkit_pipeline.operations.keep_judgement import Judgement
from platformkit_pipeline.orchestration.keys import family_key
from platformkit_pipeline.orchestration.metadata import findings_metadata, outcome_metadata, severity_metadata, unobserved_metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.recording import Event, Recorder, results_version
from platformkit_pipeline.rules.registry import Rule, Source, find_rule, ruleset_digest


def family_events(record: Recorder, rules: Sequence[Rule], judgement: Judgement) -> Iterator[Event]:
    """Asset and check of the family that `rules` make up."""
    codes = {rule.code for rule in rules}
    yield from _events(record, family_key(rules[0].family), judgement.report, [r for r in judgement.report.results if r.rule in codes])


def _events(record: Recorder, key: dg.AssetKey, report: ScanReport, results: Sequence[Result]) -> Iterator[Event]:
    scan_id = report.scan_id
    score = compliance_score(results)
    yield record.materialized(
        key,
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
    yield record.checked(
        key,
        VERDICT,
        passed=not findings,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=_sentence(judged, severe, awaited, waived=sum(report.cover_of(r) is not None for r in findings)),
        metadata={"scan_id": dg.MetadataValue.text(scan_id), **findings_metadata(findings, report.cover_of)},
    )


def _is_awaited(result: Result) -> bool:
    """Not judged for want of figures that come with time and traffic: no PASS, and nothing that somebody did wrong either."""
    rule = find_rule(result.rule)
    return result.outcome is Outcome.UNKNOWN and rule is not None and rule.source in (Source.STATISTICS, Source.LOGS)


def _sentence(judged: Sequence[Result], severe: Sequence[Result], awaited: Sequence[Result], *, waived: int) -> str:
    said = []
    if judged:
        blind = sum(r.outcome is Outcome.UNKNOWN for r in judged)
        said.append(f"{len(judged)} findings, {len(severe)} of them critical or high, {blind} because something could not be observed.")
    if waived:
        said.append(f"{waived} of them waived today: they fail, and do not count in the effective score.")
    if awaited:
        rules = ", ".join(sorted({r.rule for r in awaited}))
        said.append(f"Could not be measured yet: {rules}.")
        said += [] if judged else ["Whatever could be judged passed."]
    return " ".join(said) or "Every object passed."


def report_event(record: Recorder, key: dg.AssetKey, judgement: Judgement) -> Event:
    """All results of one scan, and their score."""
    report, changes = judgement.report, judgement.changes
    return record.materialized(
        key,
        {
            "scan_id": dg.MetadataValue.text(report.scan_id),
            "score": dg.MetadataValue.float(report.score.raw_display),
            "score_effective": dg.MetadataValue.float(report.score.effective_display),
            **({"commit": dg.MetadataValue.text(report.commit)} if report.commit else {}),
            "catalog_fingerprint": dg.MetadataValue.text(report.catalog_fingerprint),
            "ruleset_digest": dg.MetadataValue.text(report.ruleset_digest),
            "complete": dg.MetadataValue.bool(judgement.complete),
            "opened": dg.MetadataValue.int(changes.opened),
            "reopened": dg.MetadataValue.int(changes.reopened),
            "still_open": dg.MetadataValue.int(changes.still_open),
            "resolved": dg.MetadataValue.int(changes.resolved),
            **outcome_metadata(report.results),
            **severity_metadata(report.results),
            "waived": dg.MetadataValue.int(len(report.covers)),
            **unobserved_metadata(report.unobserved),
        },
        data_version=results_version(report.results),
    )


def family_spec(
    rules: Sequence[Rule], *, judged: str, deps: Sequence[dg.AssetKey], partitions_def: dg.PartitionsDefinition[str]
) -> dg.AssetSpec:
    """The asset of the family that `rules` make up; `judged` says what they look at."""
    listed = "\n".join(f"- {rule.code} (clause {rule.clause}, {rule.severity.value}): {rule.title}" for rule in rules)
    return dg.AssetSpec(
        family_key(rules[0].family),
        deps=deps,
        group_name="compliance",
        description=f"What the rules of this family say about {judged}.\n\n{listed}",
        owners=OWNERS,
        kinds={"python", "postgres"},
        code_version=ruleset_digest(rules),
        metadata=code_of(rules[0].check, rules[0].family.value),
        partitions_def=partitions_def,
        skippable=True,
    )


def family_check(rules: Sequence[Rule], partitions_def: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """Its check."""
    codes = ", ".join(rule.code for rule in rules)
    return dg.AssetCheckSpec(
        VERDICT,
        asset=family_key(rules[0].family),
        description=(
            f"No open finding of {codes}. ERROR when a critical or high one failed or could not be judged, else WARN; "
            "WARN as well for what statistics or logs do not tell yet. "
            "Does not block: a plan is wanted exactly when there are findings."
        ),
        blocking=False,
        partitions_def=partitions_def,
    )
