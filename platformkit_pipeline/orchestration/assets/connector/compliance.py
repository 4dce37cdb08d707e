"""Second stage: judge the stored observation of a connector. Its rules are one family."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.settings import connector_limits_of
from platformkit_pipeline.operations.alert_findings import alert_findings
from platformkit_pipeline.operations.judge_connector_target import judge_connector_target
from platformkit_pipeline.orchestration.assets.stage import ConnectorRun, Stage
from platformkit_pipeline.orchestration.assets.verdicts import family_check, family_events, family_spec, report_event
from platformkit_pipeline.orchestration.keys import CONNECTOR_REPORT, CONNECTORS, family_key
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import connectors
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.rules.registry import Family, rules_about_connectors, ruleset_digest

_RULES = rules_about_connectors()


def _judge(run: ConnectorRun) -> Iterator[Event]:
    limits = connector_limits_of(run.connector)
    judgement = judge_connector_target(run.connection, run.target, limits=limits, run_id=run.run_id)
    alert_findings(run.connection, run.target, judgement.report.scan_id, datetime.now(UTC), run_id=run.run_id)
    yield from family_events(run.record, _RULES, judgement)
    yield report_event(run.record, CONNECTOR_REPORT, judgement)


CONNECTOR_COMPLIANCE = Stage(
    specs=(
        family_spec(_RULES, judged="the connector and each of its tests", deps=[CONNECTORS], partitions_def=connectors),
        dg.AssetSpec(
            CONNECTOR_REPORT,
            deps=[family_key(Family.CONNECTORS)],
            group_name="compliance",
            description=(
                "All results of one scan of a connector and their score, weighed and capped as for projects: any failing or unknown "
                "critical caps at 49, any high at 89 (clauses 1.2, 7.2). Findings are resolved when they are gone."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version=ruleset_digest(_RULES),
            metadata=code_of(judge_connector_target),
            partitions_def=connectors,
            skippable=True,
        ),
    ),
    carry_out=_judge,
    checks=(family_check(_RULES, connectors),),
    operation="judge",
)
