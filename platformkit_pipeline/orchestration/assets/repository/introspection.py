"""First stage: observe HEAD of a repository, and its settings on GitHub, and store what was seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.model.repository.facet import GITHUB_FACETS
from platformkit_pipeline.operations.observe_repository_target import RepositoryObservation, observe_repository_target
from platformkit_pipeline.operations.read_settings import github_access_of, repository_path
from platformkit_pipeline.orchestration.assets.introspection import INVENTORY_COLUMNS, rows_metadata
from platformkit_pipeline.orchestration.assets.stage import RepositoryRun, Stage
from platformkit_pipeline.orchestration.keys import GITHUB_SETTINGS, REPOSITORY, SOURCE_REPOSITORIES
from platformkit_pipeline.orchestration.metadata import kinds_metadata, table, unobserved_metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import repositories
from platformkit_pipeline.orchestration.recording import Event

_GITHUB_KINDS = "github"
"""How kinds of inventory objects begin that only GitHub's API tells."""


def _observe(run: RepositoryRun) -> Iterator[Event]:
    path, github = repository_path(run.settings_file, run.repository), github_access_of(run.repository)
    observation = observe_repository_target(run.connection, run.target, path, github=github, run_id=run.run_id)
    yield _clone(run, observation)
    yield _github(run, observation)


def _clone(run: RepositoryRun, observation: RepositoryObservation) -> Event:
    head = observation.snapshot.head
    return run.record.materialized(
        REPOSITORY,
        {
            "scan_id": dg.MetadataValue.text(observation.scan_id),
            "duration_seconds": dg.MetadataValue.float(observation.duration_seconds),
            "commit": dg.MetadataValue.text(head.commit or "none yet"),
            "branch": dg.MetadataValue.text(head.branch or "none: HEAD is detached"),
            "commits": dg.MetadataValue.int(head.commits),
            "files": dg.MetadataValue.int(len(observation.snapshot.files)),
            "fingerprint": dg.MetadataValue.text(observation.fingerprint),
            **rows_metadata(observation.changes),
            **kinds_metadata(observation.object_counts),
            **unobserved_metadata(observation.snapshot.unobserved),
        },
        data_version=observation.fingerprint,
    )


def _github(run: RepositoryRun, observation: RepositoryObservation) -> Event:
    snapshot = observation.snapshot
    objects = [o for o in observation.objects if o.kind.startswith(_GITHUB_KINDS)]
    facets = [(facet.value, snapshot.why_unobserved(facet) or "observed") for facet in GITHUB_FACETS]
    digest = hashlib.sha256()
    for line in sorted(
        [*(f"{o.kind} {o.identity} {o.content_hash.hex()}\n" for o in objects), *(f"{name} {said}\n" for name, said in facets)]
    ):
        digest.update(line.encode())
    return run.record.materialized(
        GITHUB_SETTINGS,
        {
            "scan_id": dg.MetadataValue.text(observation.scan_id),
            "objects": dg.MetadataValue.int(len(objects)),
            "unobserved_count": dg.MetadataValue.int(sum(said != "observed" for _, said in facets)),
            "facets": table({"facet": "string", "state": "string"}, facets),
        },
        data_version=digest.hexdigest(),
    )


REPOSITORY_INTROSPECTION = Stage(
    specs=(
        dg.AssetSpec(
            REPOSITORY,
            deps=[SOURCE_REPOSITORIES],
            group_name="introspection",
            description=(
                "What the latest commit of a repository holds: files, documents, tags, versions, declarations. Read from git's objects, "
                "without a checkout; hooks, filters and configuration of the repository never run. One row per object in "
                "`ops.inventory_objects`; an unchanged HEAD writes none (clauses 1.2, 1.4)."
            ),
            owners=OWNERS,
            kinds={"git", "postgres"},
            code_version="1",
            metadata={
                **code_of(observe_repository_target),
                "dagster/column_schema": INVENTORY_COLUMNS,
                "dagster/table_name": "ops.inventory_objects",
            },
            partitions_def=repositories,
            skippable=True,
        ),
        dg.AssetSpec(
            GITHUB_SETTINGS,
            deps=[SOURCE_REPOSITORIES],
            group_name="introspection",
            description=(
                "What only GitHub's API tells: effective branch rules, security settings, checks that really reported (clauses 1.3, 1.5). "
                "Asked where the settings name a token; what was not asked, or was refused, is unobserved, with the reason."
            ),
            owners=OWNERS,
            kinds={"github", "postgres"},
            code_version="1",
            metadata=code_of(observe_repository_target),
            partitions_def=repositories,
            skippable=True,
        ),
    ),
    carry_out=_observe,
    operation="scan",
)
