"""Asset keys: a contract. Other people's selections, dashboards and GraphQL documents name them."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.rules.registry import Family

SOURCE_PROJECTS = dg.AssetKey(["source", "supabase_projects"])
CATALOG = dg.AssetKey(["introspection", "supabase_catalog"])
INVENTORY = dg.AssetKey(["ops", "inventory_objects"])
MIGRATIONS = dg.AssetKey(["compliance", "migrations"])
COMPLIANCE_REPORT = dg.AssetKey(["compliance", "report"])
PLANS = dg.AssetKey(["remediation", "plans"])
PROOFS = dg.AssetKey(["remediation", "proofs"])
GATE = dg.AssetKey(["governance", "gate"])
SOURCE_REPOSITORIES = dg.AssetKey(["source", "repositories"])
REPOSITORY = dg.AssetKey(["introspection", "repository"])
GITHUB_SETTINGS = dg.AssetKey(["introspection", "github_settings"])
REPOSITORY_REPORT = dg.AssetKey(["compliance", "repository_report"])
REPOSITORY_GATE = dg.AssetKey(["governance", "repository_gate"])
SOURCE_CONNECTORS = dg.AssetKey(["source", "connectors"])
CONNECTORS = dg.AssetKey(["introspection", "connectors"])
CONNECTOR_REPORT = dg.AssetKey(["compliance", "connector_report"])
CONNECTOR_GATE = dg.AssetKey(["governance", "connector_gate"])
PARITY_SCORES = dg.AssetKey(["parity", "scores"])
MERGE_GATE = dg.AssetKey(["governance", "merge_gate"])
REPOSITORY_MERGE_GATE = dg.AssetKey(["governance", "repository_merge_gate"])
FLEET_REPORT = dg.AssetKey(["reporting", "compliance_report"])
ANNUAL_REVIEW = dg.AssetKey(["governance", "annual_review"])
AMENDMENTS = dg.AssetKey(["governance", "amendments"])
ENTERPRISE_README = dg.AssetKey(["reporting", "enterprise_readme"])
EXCEPTIONS = dg.AssetKey(["governance", "exceptions"])
METRICS = dg.AssetKey(["ops", "metrics"])
WAIVERS = dg.AssetKey(["governance", "waivers"])
CONTROL_PLANE = dg.AssetKey(["introspection", "control_plane"])
CONTROL_PLANE_REPORT = dg.AssetKey(["compliance", "control_plane"])


def family_key(family: Family) -> dg.AssetKey:
    """`compliance/<family>`."""
    return dg.AssetKey(["compliance", family.value])


def parity_key(dimension: Dimension) -> dg.AssetKey:
    """`parity/api_contracts` and so on; `parity/environment_drift`."""
    return dg.AssetKey(["parity", "environment_drift" if dimension is Dimension.DRIFT else f"{dimension.value}_contracts"])
