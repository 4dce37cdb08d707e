"""Last stage: may what this commit holds be deployed?"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.operations.decide_gate import decide_deploy_gate
from platformkit_pipeline.orchestration.assets.governance import gate_event
from platformkit_pipeline.orchestration.assets.stage import RepositoryRun, Stage
from platformkit_pipeline.orchestration.keys import REPOSITORY_GATE, REPOSITORY_REPORT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import repositories
from platformkit_pipeline.orchestration.recording import Event


def _decide(run: RepositoryRun) -> Iterator[Event]:
    yield gate_event(run.connection, run.target, run.record, REPOSITORY_GATE)


REPOSITORY_GOVERNANCE = Stage(
    specs=(
        dg.AssetSpec(
            REPOSITORY_GATE,
            deps=[REPOSITORY_REPORT],
            group_name="governance",
            description=(
                "The deploy gate of a repository, about the commit that was scanned: no on any unwaived critical finding, on a failed "
                "or stale scan, and on a critical that could not be judged (clauses 1.3, 4.2). `platformkit gate` reads it from here."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(decide_deploy_gate),
            partitions_def=repositories,
            skippable=True,
        ),
    ),
    carry_out=_decide,
    operation="gate",
)
