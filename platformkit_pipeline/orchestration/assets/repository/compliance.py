"""Second stage: judge the stored observation, one asset and one check per rule family.

Families come from the rule book: one that gains its first rule about repositories gains its asset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.repository.facet import GITHUB_FACETS
from platformkit_pipeline.operations.alert_findings import alert_findings
from platformkit_pipeline.operations.judge_repository_target import judge_repository_target
from platformkit_pipeline.orchestration.assets.stage import RepositoryRun, Stage
from platformkit_pipeline.orchestration.assets.verdicts import family_check, family_events, family_spec, report_event
from platformkit_pipeline.orchestration.keys import GITHUB_SETTINGS, REPOSITORY, REPOSITORY_REPORT, family_key
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import repositories
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.rules.registry import Family, Rule, Source, repository_families, rules_about_a_commit, ruleset_digest

_FAMILIES: dict[Family, tuple[Rule, ...]] = {
    family: tuple(rule for rule in rules_about_a_commit() if rule.family is family) for family in repository_families()
}


def _judge(run: RepositoryRun) -> Iterator[Event]:
    wanted = [family for family in _FAMILIES if run.selection.wants(family_key(family))]
    if run.selection.wants(REPOSITORY_REPORT):
        wanted = list(_FAMILIES)
    today = datetime.now(UTC).date()
    judgement = judge_repository_target(run.connection, run.target, today=today, families=wanted, run_id=run.run_id)
    alert_findings(run.connection, run.target, judgement.report.scan_id, datetime.now(UTC), run_id=run.run_id)
    for family in wanted:
        yield from family_events(run.record, _FAMILIES[family], judgement)
    yield report_event(run.record, REPOSITORY_REPORT, judgement)


def _observed_by(rules: Sequence[Rule]) -> list[dg.AssetKey]:
    """The clone, and GitHub's settings where a rule asks for them."""
    asks = any(rule.source is Source.GITHUB or set(GITHUB_FACETS) & set(rule.requires) for rule in rules)
    return [REPOSITORY, GITHUB_SETTINGS] if asks else [REPOSITORY]


REPOSITORY_COMPLIANCE = Stage(
    specs=(
        *(
            family_spec(rules, judged="the repository and every file in question", deps=_observed_by(rules), partitions_def=repositories)
            for rules in _FAMILIES.values()
        ),
        dg.AssetSpec(
            REPOSITORY_REPORT,
            deps=[family_key(family) for family in _FAMILIES],
            group_name="compliance",
            description=(
                "All results of one scan of a repository and their score, weighed and capped as for projects: any failing or unknown "
                "critical caps at 49, any high at 89 (clauses 1.2, 7.2). Findings are resolved when they are gone."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version=ruleset_digest(rules_about_a_commit()),
            metadata=code_of(judge_repository_target),
            partitions_def=repositories,
            skippable=True,
        ),
    ),
    carry_out=_judge,
    checks=tuple(family_check(rules, repositories) for rules in _FAMILIES.values()),
    operation="judge",
)
