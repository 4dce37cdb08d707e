"""Jobs: what can be launched by name. Names are a contract; `platformkit gate` and other people's scripts use them."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.orchestration.assets.connector.connector_scan import CONNECTOR_KEYS
from platformkit_pipeline.orchestration.assets.parity.parity_scan import PARITY_KEYS
from platformkit_pipeline.orchestration.assets.repository.repository_scan import REPOSITORY_KEYS
from platformkit_pipeline.orchestration.assets.target_scan import TARGET_KEYS, UNHURRIED_KEYS
from platformkit_pipeline.orchestration.data_quality import stored_data_quality
from platformkit_pipeline.orchestration.keys import CONNECTOR_GATE, FLEET_REPORT, GATE, MERGE_GATE, METRICS, PLANS, PROOFS, REPOSITORY_GATE

_MAX_RUNTIME_TAG = "dagster/max_runtime"
_PRIORITY_TAG = "dagster/priority"
_NOBODY_WAITS = {"platformkit/unhurried": "true"}
"""Tags of runs that take minutes or hours. `dagster.yaml` lets fewer of them run at once than runs in all, so that a gate finds a slot."""
_OF_A_NIGHT = {_MAX_RUNTIME_TAG: str(8 * 3600), **_NOBODY_WAITS}
"""The instance's limit is meant for one target; a night has them all."""
_TARGET = dg.AssetSelection.assets(*TARGET_KEYS)
_REPOSITORY = dg.AssetSelection.assets(*REPOSITORY_KEYS)
_PARITY = dg.AssetSelection.assets(*PARITY_KEYS)
_CONNECTOR = dg.AssetSelection.assets(*CONNECTOR_KEYS)
_UNHURRIED = dg.AssetSelection.assets(*UNHURRIED_KEYS)

scan_target = dg.define_asset_job(
    "scan_target",
    # Without the checks of data quality: they look at all targets, and their libraries take seconds to load.
    selection=_TARGET - _UNHURRIED - dg.AssetSelection.checks(stored_data_quality),
    description="One target from observation to gate. Launch it on a partition.",
    tags={_PRIORITY_TAG: "10"},  # somebody waits for it
)

prove_target = dg.define_asset_job(
    "prove_target",
    selection=_UNHURRIED,
    description="Proofs of a target's plan and drift of its migrations, from its latest observation. Launch it on a partition.",
    tags=_NOBODY_WAITS,
)

scan_repository = dg.define_asset_job(
    "scan_repository",
    selection=_REPOSITORY,
    description="One repository from the observation of HEAD to the gate. Launch it on a partition.",
    tags={_PRIORITY_TAG: "10"},
)

scan_connector = dg.define_asset_job(
    "scan_connector",
    selection=_CONNECTOR,
    description="One connector from its answers and the acceptance suite to the gate. Launch it on a partition.",
    tags={_PRIORITY_TAG: "10"},
)

nightly = dg.define_asset_job(
    "nightly",
    selection=_TARGET - dg.AssetSelection.checks(stored_data_quality),
    description="Every target from observation to gate, then proofs and drift, in one run over the range of all partitions.",
    tags=_OF_A_NIGHT,
)

nightly_repositories = dg.define_asset_job(
    "nightly_repositories",
    selection=_REPOSITORY,
    description="Every repository from the observation of HEAD to the gate, in one run over the range of all partitions.",
    tags=_OF_A_NIGHT,
)

nightly_connectors = dg.define_asset_job(
    "nightly_connectors",
    selection=_CONNECTOR,
    description="Every connector from its answers and the acceptance suite to the gate, in one run over the range of all partitions.",
    tags=_OF_A_NIGHT,
)

score_parity = dg.define_asset_job(
    "score_parity",
    selection=_PARITY,
    description=(
        "The contracts of one project, their score and the merge gate. Launch it on a partition; the tags platformkit/base_run, "
        "platformkit/commit and platformkit/branch say what is compared with what."
    ),
    tags={_PRIORITY_TAG: "10"},
)

nightly_parity = dg.define_asset_job(
    "nightly_parity",
    selection=_PARITY - dg.AssetSelection.assets(MERGE_GATE),
    description="The contracts of every project and their scores, in one run over the range of all partitions.",
    tags=_OF_A_NIGHT,
)

fleet_report = dg.define_asset_job(
    "fleet_report",
    selection=dg.AssetSelection.assets(FLEET_REPORT, METRICS) | dg.AssetSelection.checks(stored_data_quality),
    description="The report over all targets, the figures of the night, and the quality of what is stored. Follows the nightly runs.",
)

plan_target = dg.define_asset_job(
    "plan_target",
    selection=dg.AssetSelection.assets(PLANS, PROOFS),
    description="A plan for the stored findings of a target, and its proofs, without another look at it. Launch it on a partition.",
    tags=_NOBODY_WAITS,
)

decide_gate = dg.define_asset_job(
    "decide_gate",
    selection=dg.AssetSelection.assets(GATE) - dg.AssetSelection.checks_for_assets(GATE),
    description="The gate of a project, decided anew on what is stored, without a scan. Launch it on a partition.",
    tags={_PRIORITY_TAG: "10"},
)

decide_repository_gate = dg.define_asset_job(
    "decide_repository_gate",
    selection=dg.AssetSelection.assets(REPOSITORY_GATE) - dg.AssetSelection.checks_for_assets(REPOSITORY_GATE),
    description="The gate of a repository, decided anew on what is stored, without a scan. Launch it on a partition.",
    tags={_PRIORITY_TAG: "10"},
)

decide_connector_gate = dg.define_asset_job(
    "decide_connector_gate",
    selection=dg.AssetSelection.assets(CONNECTOR_GATE) - dg.AssetSelection.checks_for_assets(CONNECTOR_GATE),
    description="The gate of a connector, decided anew on what is stored, without a scan. Launch it on a partition.",
    tags={_PRIORITY_TAG: "10"},
)
