"""Asset keys: a contract. Other people's selections, dashboards and GraphQL documents name them."""

from __future__ import annotations

import dagster as dg

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
FLEET_REPORT = dg.AssetKey(["reporting", "compliance_report"])


def family_key(family: Family) -> dg.AssetKey:
    """`compliance/<family>`."""
    return dg.AssetKey(["compliance", family.value])
