"""What is observed: targets and the environments they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TargetKind(StrEnum):
    SUPABASE_PROJECT = "supabase_project"
    REPOSITORY = "repository"
    CONNECTOR = "connector"


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
    created_at: str = "created_at"
    updated_at: str = "updated_at"
