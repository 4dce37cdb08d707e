"""Last stage: may what this commit holds be deployed, and may it be merged?"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.operations.decide_gate import decide_deploy_gate, decide_repository_merge
from platformkit_pipeline.orchestration.assets.governance import gate_event
from platformkit_pipeline.orchestration.assets.stage import RepositoryRun, Stage
from platformkit_pipeline.orchestration.keys import REPOSITORY_GATE, REPOSITORY_MERGE_GATE, REPOSITORY_REPORT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import repositories
from platformkit_pipeline.orchestration.recording import Event


def _decide(run: RepositoryRun) -> Iterator[Event]:
    if run.selection.wants(REPOSITORY_GATE):
        yield gate_event(run, REPOSITORY_GATE, decide_deploy_gate)
    if run.selection.wants(REPOSITORY_MERGE_GATE):
        yield gate_event(run, REPOSITORY_MERGE_GATE, decide_repository_merge)


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
        dg.AssetSpec(
            REPOSITORY_MERGE_GATE,
            deps=[REPOSITORY_REPORT],
            group_name="governance",
            description=(
                "The merge gate of a repository, about the commit that was scanned: no on any unwaived critical or high finding of a "
                "category that stops a pull request or merge, on one that could not be judged, and on a failed or stale scan (clause 12); "
                "`platformkit gate --gate merge --kind repository` reads it from here."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(decide_repository_merge),
            partitions_def=repositories,
            skippable=True,
        ),
    ),
    carry_out=_decide,
    operation="gate",
)
