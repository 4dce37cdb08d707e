"""The platform as a target of its own rules: observed and judged every night, with the end of its audit log noted outside."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.operations.govern_control_plane import ControlPlaneNight, govern_control_plane
from platformkit_pipeline.operations.judge_control_plane import FAMILIES
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.keys import CONTROL_PLANE, CONTROL_PLANE_REPORT
from platformkit_pipeline.orchestration.metadata import findings_metadata, kinds_metadata, outcome_metadata, severity_metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.recording import results_version
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
from platformkit_pipeline.rules.registry import Family, rules_about_the_control_plane, ruleset_digest

_RULES = rules_about_the_control_plane()
_Event = dg.MaterializeResult[None] | dg.AssetCheckResult


def _check(family: Family) -> dg.AssetCheckSpec:
    codes = ", ".join(rule.code for rule in _RULES if rule.family is family)
    return dg.AssetCheckSpec(
        family.value,
        asset=CONTROL_PLANE_REPORT,
        description=f"No open finding of {codes}. ERROR when a critical or high one failed, else WARN.",
    )


@dg.multi_asset(
    name="control_plane_scan",
    specs=[
        dg.AssetSpec(
            CONTROL_PLANE,
            group_name="introspection",
            description=(
                "The control plane itself (clause 1.2): its waivers, when each target was last scanned, its reviews, and its audit log "
                "with the anchors that were noted outside of the database."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(govern_control_plane),
        ),
        dg.AssetSpec(
            CONTROL_PLANE_REPORT,
            deps=[CONTROL_PLANE],
            group_name="compliance",
            description=(
                "What the rules say about the control plane (clauses 4.2, 10.2, 11.1, 11.2). A broken audit log and targets that were not "
                "scanned are told once; the end of a log that is whole is noted in PLATFORMKIT_HOME."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version=ruleset_digest(_RULES),
            metadata=code_of(govern_control_plane),
        ),
    ],
    check_specs=[_check(family) for family in FAMILIES],
)
def control_plane_scan(
    context: dg.AssetExecutionContext, settings: SettingsResource, control_plane: ControlPlaneResource
) -> Iterator[_Event]:
    """One night of the platform itself; another one on the same day notes no second anchor."""
    try:
        given = settings.read()
        with control_plane.session() as connection:
            night = govern_control_plane(connection, given, datetime.now(UTC), run_id=context.run.run_id)
    except PlatformkitError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    yield dg.MaterializeResult(asset_key=CONTROL_PLANE, metadata=_observed(night))
    yield _judged(night)
    yield from (_verdict(night, family) for family in FAMILIES)


def _observed(night: ControlPlaneNight) -> Mapping[str, dg.MetadataValue]:
    observation, audit = night.observation, night.observation.snapshot.audit
    return {
        "scan_id": dg.MetadataValue.text(observation.scan_id),
        "audit_length": dg.MetadataValue.int(audit.length),
        "audit_head": dg.MetadataValue.text(audit.head_hash),
        "anchors": dg.MetadataValue.int(audit.anchors),
        "anchored": dg.MetadataValue.bool(night.anchor is not None),
        **kinds_metadata(Counter(o.kind for o in observation.objects)),
    }


def _judged(night: ControlPlaneNight) -> dg.MaterializeResult[None]:
    report, changes = night.judgement.report, night.judgement.changes
    return dg.MaterializeResult(
        asset_key=CONTROL_PLANE_REPORT,
        metadata={
            "scan_id": dg.MetadataValue.text(report.scan_id),
            "score": dg.MetadataValue.float(report.score.raw_display),
            "opened": dg.MetadataValue.int(changes.opened),
            "resolved": dg.MetadataValue.int(changes.resolved),
            **outcome_metadata(report.results),
            **severity_metadata(report.results),
        },
        data_version=dg.DataVersion(results_version(report.results)),
    )


def _verdict(night: ControlPlaneNight, family: Family) -> dg.AssetCheckResult:
    codes = {rule.code for rule in _RULES if rule.family is family}
    findings = [r for r in night.judgement.report.findings if r.rule in codes and r.severity is not Severity.INFO]
    severe = sum(r.severity.at_least(Severity.HIGH) for r in findings)
    return dg.AssetCheckResult(
        asset_key=CONTROL_PLANE_REPORT,
        check_name=family.value,
        passed=not findings,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=f"{len(findings)} findings, {severe} of them critical or high." if findings else "Everything passed.",
        metadata=findings_metadata(findings),
    )
