"""First stage: observe a project and store what was seen."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.model.settings import observation_options_of
from platformkit_pipeline.operations.observe_target import Observation, observe_target
from platformkit_pipeline.operations.read_settings import resolve_dsn
from platformkit_pipeline.orchestration.assets.stage import Stage, TargetRun
from platformkit_pipeline.orchestration.keys import CATALOG, INVENTORY, SOURCE_PROJECTS
from platformkit_pipeline.orchestration.metadata import Metadata, kinds_metadata, unobserved_metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event

INVENTORY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("target_id", "bigint", "ops.targets"),
        dg.TableColumn("kind", "text", "Catalogue noun: table, policy, function, ..."),
        dg.TableColumn("identity", "text", "Qualified name, unique per target and kind"),
        dg.TableColumn("content_hash", "bytea", "SHA-256 of the payload; a row is rewritten only when it changes"),
        dg.TableColumn("payload", "json", "Definition of the object"),
    ]
)


def _observe(run: TargetRun) -> Iterator[Event]:
    options = observation_options_of(run.project)
    observation = observe_target(run.connection, run.target, resolve_dsn(run.project), options=options, run_id=run.run_id)
    yield _catalog(run, observation)
    yield _inventory(run, observation)


def _catalog(run: TargetRun, observation: Observation) -> Event:
    return run.record.materialized(
        CATALOG,
        {
            "scan_id": dg.MetadataValue.text(observation.scan_id),
            "duration_seconds": dg.MetadataValue.float(observation.duration_seconds),
            "server_version": dg.MetadataValue.text(observation.server_version),
            "catalog_fingerprint": dg.MetadataValue.text(observation.catalog_fingerprint),
            "objects": dg.MetadataValue.int(sum(observation.object_counts.values())),
            **kinds_metadata(observation.object_counts),
            **unobserved_metadata(observation.unobserved),
        },
        data_version=observation.catalog_fingerprint,
    )


def rows_metadata(changes: InventoryChanges) -> Metadata:
    """Rows of the inventory, and how many of them were written."""
    return {
        "dagster/row_count": dg.MetadataValue.int(changes.added + changes.changed + changes.unchanged),
        "rows_written": dg.MetadataValue.int(changes.added + changes.changed + changes.removed),
        "added": dg.MetadataValue.int(changes.added),
        "changed": dg.MetadataValue.int(changes.changed),
        "removed": dg.MetadataValue.int(changes.removed),
        "unchanged": dg.MetadataValue.int(changes.unchanged),
    }


def _inventory(run: TargetRun, observation: Observation) -> Event:
    return run.record.materialized(
        INVENTORY,
        {
            "scan_id": dg.MetadataValue.text(observation.scan_id),
            **rows_metadata(observation.changes),
        },
        data_version=observation.catalog_fingerprint,
    )


INTROSPECTION = Stage(
    specs=(
        dg.AssetSpec(
            CATALOG,
            deps=[SOURCE_PROJECTS],
            group_name="introspection",
            description=(
                "What the catalogue of a project holds: tables, columns, policies, functions, extensions, privileges. Read in one "
                "read-only REPEATABLE READ transaction with one bulk query per kind. What the role may not see is unobserved (clause 1.2)."
            ),
            owners=OWNERS,
            kinds={"postgres", "supabase"},
            code_version="1",
            metadata=code_of(observe_target),
            partitions_def=supabase_projects,
            skippable=True,
        ),
        dg.AssetSpec(
            INVENTORY,
            deps=[CATALOG],
            group_name="ops",
            description=(
                "One row per object of the project, with the hash of its definition and its history. Only what changed is written: "
                "an unchanged night writes no row (clauses 1.2, 1.4)."
            ),
            owners=OWNERS,
            kinds={"postgres", "table"},
            code_version="1",
            metadata={**code_of(observe_target), "dagster/column_schema": INVENTORY_COLUMNS, "dagster/table_name": "ops.inventory_objects"},
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_observe,
    operation="scan",
)
