"""What exists outside and is only looked at."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.orchestration.keys import SOURCE_CONNECTORS, SOURCE_PROJECTS, SOURCE_REPOSITORIES
from platformkit_pipeline.orchestration.ownership import OWNERS
from platformkit_pipeline.orchestration.partitions import connectors, repositories, supabase_projects

source_projects = dg.AssetSpec(
    SOURCE_PROJECTS,
    group_name="source",
    description="The databases of the projects that `platformkit.yaml` lists. Observed read-only; nothing here ever writes to them.",
    owners=OWNERS,
    kinds={"supabase", "postgres"},
    partitions_def=supabase_projects,
)

source_repositories = dg.AssetSpec(
    SOURCE_REPOSITORIES,
    group_name="source",
    description="The git repositories that `platformkit.yaml` lists. Read without a checkout; nothing of them is run or written to.",
    owners=OWNERS,
    kinds={"git", "github"},
    partitions_def=repositories,
)

source_connectors = dg.AssetSpec(
    SOURCE_CONNECTORS,
    group_name="source",
    description="The connectors that `platformkit.yaml` lists, and what they reach. Asked questions; no event goes to their destinations.",
    owners=OWNERS,
    kinds={"python"},
    partitions_def=connectors,
)
