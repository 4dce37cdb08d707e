"""What is observed: targets and the environments they belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

OWNER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
"""The name of a repository on GitHub."""


class TargetKind(StrEnum):
    SUPABASE_PROJECT = "supabase_project"
    REPOSITORY = "repository"
    CONNECTOR = "connector"
    CONTROL_PLANE = "control_plane"
    """The platform itself: its waivers, its audit chain, its nights. There is one."""


class Environment(StrEnum):
    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to observe. `name` is unique per kind and is the Dagster partition key."""

    kind: TargetKind
    name: str
    environment: Environment = Environment.DEVELOPMENT
    owners: tuple[str, ...] = ()


CONTROL_PLANE = Target(TargetKind.CONTROL_PLANE, "control-plane", Environment.PRODUCTION)


@dataclass(frozen=True, slots=True)
class Tenancy:
    """How a project tells its tenants apart (clause 5.1).

    `membership_tables` are qualified names of tables that map users to tenants: a policy that looks the caller's
    rows up there by `auth.uid()` confines as well as the claim does, but only because somebody declared the table.
    `not_applicable_reason` declares a project that has a single tenant; rules then answer NA with that reason.
    """

    column: str = "tenant_id"
    claim: str = "tenant_id"
    membership_tables: tuple[str, ...] = ()
    not_applicable_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the owners of a project declared about it; rules use it only where observation cannot answer."""

    exposed_schemas: tuple[str, ...] | None = None
    """Schemas of the Data API, used only when they cannot be observed; `()` means none, None means not declared."""
    tenancy: Tenancy = Tenancy()
    critical_tables: tuple[str, ...] = ()
    """Qualified names of tables whose rows say who wrote them, and whose deletions are logged (clause 5.3)."""
    audit_tables: tuple[str, ...] = ()
    """Qualified names of audit logs, where their names do not tell."""
    created_at: str = "created_at"
    updated_at: str = "updated_at"
    created_by: str = "created_by"
    updated_by: str = "updated_by"
    management_api: bool = False
    """The owners gave access to the platform's management API, so the project's logs are expected to be read."""


@dataclass(frozen=True, slots=True)
class ManagementApiAccess:
    """How a project is reached through the platform's management API. The token stands in an environment variable."""

    project_ref: str
    token_env: str


@dataclass(frozen=True, slots=True)
class GithubAccess:
    """How a repository is reached through GitHub's API. The token stands in an environment variable."""

    owner_name: str
    """As in its address: acme/shop."""
    token_env: str


@dataclass(frozen=True, slots=True)
class ObservationOptions:
    """What else to observe than the catalogue and the counters, because the owners ask for it or give access to it."""

    explain_analyze: bool = False
    """Slow SELECTs may be run, read-only and under a timeout, to see what their plans really do."""
    management_api: ManagementApiAccess | None = None


NO_OPTIONS = ObservationOptions()
