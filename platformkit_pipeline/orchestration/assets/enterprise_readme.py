"""The organisation's README, rendered every night."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.keep_enterprise_readme import ReadmeKept, keep_enterprise_readme
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.keys import ENTERPRISE_README, FLEET_REPORT
from platformkit_pipeline.orchestration.metadata import MARKDOWN_LIMIT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource


@dg.asset(
    key=ENTERPRISE_README,
    deps=[FLEET_REPORT],
    group_name="reporting",
    description=(
        "The README of the organisation (clause 3.4) from inventories, latest scores and parity: the same state, the same bytes. Compared "
        "with what its repository holds, and pushed there where the settings say so."
    ),
    owners=OWNERS,
    kinds={"markdown", "postgres"},
    code_version="1",
    metadata=code_of(keep_enterprise_readme),
)
def enterprise_readme(settings: SettingsResource, control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Render it, and say what differs."""
    try:
        with measured(control_plane.session, "governance", run_id=dg.AssetExecutionContext.get().run.run_id):
            given = settings.read()
            with control_plane.session() as connection:
                kept = keep_enterprise_readme(connection, given, datetime.now(UTC), folder=settings.file.parent)
    except PlatformkitError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    version = dg.DataVersion(kept.text_digest) if kept.text_digest else None
    return dg.MaterializeResult(metadata=_metadata(kept), data_version=version)


def _metadata(kept: ReadmeKept) -> Mapping[str, dg.MetadataValue]:
    if not kept.text:
        return {"state": dg.MetadataValue.text("the settings name no governance.enterprise_readme")}
    state = kept.drift or kept.unseen or "the repository holds what was rendered"
    return {
        "state": dg.MetadataValue.text(state),
        "readme": dg.MetadataValue.md(kept.text[:MARKDOWN_LIMIT]),
        "diff": dg.MetadataValue.md(f"````diff\n{kept.diff[:MARKDOWN_LIMIT]}\n````" if kept.diff else "nothing changed"),
        "pushed": dg.MetadataValue.bool(kept.pushed),
        **({"push_refused": dg.MetadataValue.text(kept.push_refused)} if kept.push_refused else {}),
    }
