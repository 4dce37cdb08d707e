"""Last stage: may this connector be registered?"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.operations.decide_gate import decide_deploy_gate
from platformkit_pipeline.orchestration.assets.governance import gate_event
from platformkit_pipeline.orchestration.assets.stage import ConnectorRun, Stage
from platformkit_pipeline.orchestration.keys import CONNECTOR_GATE, CONNECTOR_REPORT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import connectors
from platformkit_pipeline.orchestration.recording import Event


def _decide(run: ConnectorRun) -> Iterator[Event]:
    yield gate_event(run, CONNECTOR_GATE, decide_deploy_gate)


CONNECTOR_GOVERNANCE = Stage(
    specs=(
        dg.AssetSpec(
            CONNECTOR_GATE,
            deps=[CONNECTOR_REPORT],
            group_name="governance",
            description=(
                "Whether a connector may be registered: no on any unwaived critical or high finding, on one that could not be judged, "
                "and on a failed or stale scan (clauses 9.1, 12). `platformkit gate --kind connector` reads it from here."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(decide_deploy_gate),
            partitions_def=connectors,
            skippable=True,
        ),
    ),
    carry_out=_decide,
    operation="gate",
)
