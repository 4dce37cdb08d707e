"""The graph is a contract: it never changes silently."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest

from platformkit_pipeline.operations.gate_roads import MERGES, REPOSITORY_MERGES, ROADS, Road
from platformkit_pipeline.orchestration.partitions import CONNECTORS, REPOSITORIES, SUPABASE_PROJECTS
from platformkit_pipeline.rules.registry import repository_families
from platformkit_pipeline_tests.cli.program import environment_of

FAMILIES = (
    "row_level_security",
    "api_exposure",
    "functions",
    "extensions",
    "secrets",
    "tenancy",
    "foreign_keys",
    "audit_trail",
    "keys_and_types",
    "indexes",
    "query_performance",
)
_CLONE, _BOTH = ("introspection/repository",), ("introspection/github_settings", "introspection/repository")
REPOSITORY_FAMILIES = {
    "repository_secrets": _BOTH,
    "spec_bundles": _CLONE,
    "diagrams": _CLONE,
    "doc_sync": _CLONE,
    "required_checks": _BOTH,
    "structured_logging": _CLONE,
    "versioning": _CLONE,
    "exceptions": _CLONE,
    "suppressions": _CLONE,
    "amendments": _CLONE,
    "organisation_readme": _CLONE,
}
"""The families of the contract that have rules, and what is looked at for them."""
PARITY_KINDS = ("api_contracts", "data_contracts", "event_contracts", "behavior_contracts", "environment_drift")
GRAPH = {
    "source/supabase_projects": ("source", ()),
    "introspection/supabase_catalog": ("introspection", ("source/supabase_projects",)),
    "ops/inventory_objects": ("ops", ("introspection/supabase_catalog",)),
    **{f"compliance/{family}": ("compliance", ("ops/inventory_objects",)) for family in FAMILIES},
    "compliance/report": ("compliance", tuple(sorted(f"compliance/{family}" for family in FAMILIES))),
    "compliance/migrations": ("compliance", ("ops/inventory_objects",)),
    "remediation/plans": ("remediation", ("compliance/report",)),
    "remediation/proofs": ("remediation", ("ops/inventory_objects", "remediation/plans")),
    "governance/gate": ("governance", ("compliance/report",)),
    **{f"parity/{kind}": ("parity", ("introspection/supabase_catalog",)) for kind in PARITY_KINDS},
    "parity/scores": ("parity", tuple(sorted(f"parity/{kind}" for kind in PARITY_KINDS))),
    "governance/merge_gate": ("governance", ("parity/scores",)),
    "source/repositories": ("source", ()),
    "introspection/repository": ("introspection", ("source/repositories",)),
    "introspection/github_settings": ("introspection", ("source/repositories",)),
    **{f"compliance/{family}": ("compliance", parents) for family, parents in REPOSITORY_FAMILIES.items()},
    "compliance/repository_report": ("compliance", tuple(sorted(f"compliance/{family}" for family in REPOSITORY_FAMILIES))),
    "governance/repository_gate": ("governance", ("compliance/repository_report",)),
    "governance/repository_merge_gate": ("governance", ("compliance/repository_report",)),
    "source/connectors": ("source", ()),
    "introspection/connectors": ("introspection", ("source/connectors",)),
    "compliance/connectors": ("compliance", ("introspection/connectors",)),
    "compliance/connector_report": ("compliance", ("compliance/connectors",)),
    "governance/connector_gate": ("governance", ("compliance/connector_report",)),
    "reporting/compliance_report": ("reporting", ("compliance/connector_report", "compliance/report", "compliance/repository_report")),
    "governance/annual_review": ("governance", ()),
    "governance/amendments": ("governance", ("introspection/repository",)),
    "reporting/enterprise_readme": ("reporting", ("reporting/compliance_report",)),
    "governance/exceptions": ("governance", _CLONE),
    "governance/waivers": ("governance", ("governance/exceptions",)),
    "ops/metrics": ("ops", ("reporting/compliance_report",)),
    "introspection/control_plane": ("introspection", ()),
    "compliance/control_plane": ("compliance", ("introspection/control_plane",)),
}
REPOSITORY_ASSETS = (
    "source/repositories",
    "introspection/repository",
    "introspection/github_settings",
    *(f"compliance/{family}" for family in REPOSITORY_FAMILIES),
    "compliance/repository_report",
    "governance/repository_gate",
    "governance/repository_merge_gate",
)
CONNECTOR_ASSETS = (
    "source/connectors",
    "introspection/connectors",
    "compliance/connectors",
    "compliance/connector_report",
    "governance/connector_gate",
)
PARTITIONS = dict.fromkeys(REPOSITORY_ASSETS, REPOSITORIES) | dict.fromkeys(CONNECTOR_ASSETS, CONNECTORS)
UNPARTITIONED = (
    "reporting/compliance_report",
    "governance/exceptions",
    "governance/waivers",
    "governance/annual_review",
    "governance/amendments",
    "reporting/enterprise_readme",
    "ops/metrics",
    *("reporting/compliance_report", "governance/annual_review", "governance/amendments", "reporting/enterprise_readme"),
    *("introspection/control_plane", "compliance/control_plane"),
)


def _nodes(defs: dg.Definitions) -> dict[str, dg.BaseAssetNode]:
    graph = defs.resolve_asset_graph()
    return {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}


def test_keys_groups_and_lineage_are_those_of_the_contract(defs: dg.Definitions) -> None:
    found = {
        name: (node.group_name, tuple(sorted(parent.to_user_string() for parent in node.parent_keys)))
        for name, node in _nodes(defs).items()
    }
    assert found == GRAPH


def test_everything_about_a_target_is_partitioned_by_target(defs: dg.Definitions) -> None:
    for name, node in _nodes(defs).items():
        partitions = node.partitions_def
        if name in UNPARTITIONED:
            assert partitions is None, name
        else:
            assert isinstance(partitions, dg.DynamicPartitionsDefinition), name
            assert partitions.name == PARTITIONS.get(name, SUPABASE_PROJECTS), name


def test_the_sources_are_only_looked_at(defs: dg.Definitions) -> None:
    executable = {name: node.is_executable for name, node in _nodes(defs).items()}
    assert {name for name, runs in executable.items() if not runs} == {
        *("source/supabase_projects", "source/repositories", "source/connectors")
    }


def test_every_family_with_a_rule_about_repositories_is_an_asset() -> None:
    assert [family.value for family in repository_families()] == list(REPOSITORY_FAMILIES)


@pytest.mark.parametrize("name", GRAPH)
def test_every_asset_says_whose_it_is_what_it_means_and_what_it_is_made_of(defs: dg.Definitions, name: str) -> None:
    node = _nodes(defs)[name]
    assert node.owners
    assert node.kinds
    assert node.description
    if not name.startswith("source/"):
        assert "clause" in node.description
        assert "dagster/code_references" in node.metadata


def test_every_rule_family_has_one_check_that_does_not_block_the_plan(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    verdicts = {key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == "verdict"}
    families = {f"compliance/{family}" for family in (*FAMILIES, "migrations", *REPOSITORY_FAMILIES, "connectors")}
    assert verdicts == families | {f"parity/{kind}" for kind in PARITY_KINDS}
    assert not any(graph.get(key).blocking for key in graph.asset_check_keys)


def test_jobs_schedules_and_sensors_are_those_of_the_contract_and_run_by_default(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {
        *("scan_target", "prove_target", "score_parity", "scan_repository", "scan_connector"),
        *("nightly", "nightly_repositories", "nightly_connectors", "nightly_parity", "fleet_report"),
        *("plan_target", "decide_gate", "decide_repository_gate", "decide_connector_gate", "prune_runs", "govern", "annual_review"),
    }
    schedules = {(schedule.name, schedule.cron_schedule, schedule.execution_timezone) for schedule in repository.schedule_defs}
    nights = ("nightly", "nightly_repositories", "nightly_connectors", "nightly_parity")
    days = ("prune_runs", "daily_governance")
    assert schedules == {
        *((name, "0 2 * * *", "UTC") for name in nights),
        *((name, "30 6 * * *", "UTC") for name in days),
        ("annual_review", "0 9 15 1-3 *", "UTC"),
    }
    assert {schedule.default_status for schedule in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}
    sensors = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    assert sensors == dict.fromkeys(
        (
            *("target_registry", "repository_head", "outbox_delivery", "fleet_report_after_success", "fleet_report_after_failure"),
            *("schema_change", "unplanned_findings", "run_failure", "waiver_lapses"),
        ),
        dg.DefaultSensorStatus.RUNNING,
    )


def test_a_scan_of_one_target_leaves_out_the_checks_that_look_at_all_of_them(defs: dg.Definitions) -> None:
    for job in ("scan_target", "nightly"):
        assert {node.name for node in defs.resolve_job_def(job).nodes} == {"target_scan"}
    for job in ("scan_repository", "nightly_repositories"):
        assert {node.name for node in defs.resolve_job_def(job).nodes} == {"repository_scan"}
    for job in ("scan_connector", "nightly_connectors"):
        assert {node.name for node in defs.resolve_job_def(job).nodes} == {"connector_scan"}
    for job in ("score_parity", "nightly_parity"):
        assert {node.name for node in defs.resolve_job_def(job).nodes} == {"parity_scan"}


def test_the_night_measures_and_decides_on_no_change(defs: dg.Definitions) -> None:
    nightly, asked = (defs.resolve_job_def(job).asset_layer.selected_asset_keys for job in ("nightly_parity", "score_parity"))
    assert {key.to_user_string() for key in asked - nightly} == {"governance/merge_gate"}


@pytest.mark.parametrize("road", [*ROADS, MERGES, REPOSITORY_MERGES], ids=lambda road: f"{road.noun} {road.gate_asset[1]}")
def test_what_the_gate_asks_for_by_name_is_there(defs: dg.Definitions, road: Road) -> None:
    node = _nodes(defs)["/".join(road.gate_asset)]
    assert isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)
    assert node.partitions_def.name == road.partitions
    selected = defs.resolve_job_def(road.job).asset_layer.selected_asset_keys
    assert dg.AssetKey(list(road.gate_asset)) in selected


def test_definitions_are_valid(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_code_location_loads_in_a_fresh_interpreter_without_the_heavy_libraries() -> None:
    code = (
        "import sys, platformkit_pipeline.definitions as d\n"
        "print(sorted(m for m in ('pandas', 'great_expectations', 'numpy', 'sqlalchemy', 'scipy') if m in sys.modules), bool(d.defs))"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment_of(), capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.strip() == "[] True"


def test_the_code_location_loads_although_the_settings_are_malformed(tmp_path_factory: pytest.TempPathFactory) -> None:
    broken = tmp_path_factory.mktemp("broken") / "platformkit.yaml"
    broken.write_text("projects: [", encoding="utf-8")
    code = "import platformkit_pipeline.definitions as d; print(d.defs.get_repository_def().get_schedule_def('nightly').cron_schedule)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of({"PLATFORMKIT_SETTINGS": str(broken)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ran.stdout.strip() == "0 2 * * *"
