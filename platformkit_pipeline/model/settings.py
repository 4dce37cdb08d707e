"""`platformkit.yaml` as it is validated: which targets exist and what their owners declared about them.

Here stands the shape of the file and the translation of its entries to the vocabulary of the product. Reading files,
line numbers and environment variables belong to `operations.read_settings`; waivers and exceptions are not settings.
Secrets never stand in settings: a field whose name ends in `_env` holds the name of an environment variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from platformkit_pipeline.model.connector import DEFAULT_LIMITS, ConnectorLimits
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.target import (
    Declarations,
    Environment,
    ManagementApiAccess,
    ObservationOptions,
    Target,
    TargetKind,
    Tenancy,
)
from platformkit_pipeline.model.target_name import name_fault

_VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,127}\Z")
_OWNER = re.compile(r"team:\S+\Z|[^@\s:]+@[^@\s]+\.[^@\s]+\Z")
_QUALIFIED = re.compile(r'(?:[^."\s]+|"(?:[^"]|"")+")\.(?:[^."\s]+|"(?:[^"]|"")+")\Z')
_CLASS_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")
_CRON_FIELD = re.compile(r"(?:\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/[0-9]+)?\Z")
_HTTP_URL = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.\-]+/[A-Za-z0-9_.\-]+\Z")
_CRON_FIELDS = 5


def _target_name(value: str) -> str:
    if fault := name_fault(value):
        raise ValueError(fault)
    return value


def _variable_name(value: str) -> str:
    # The value may be the secret itself, so no message repeats it.
    if not _VARIABLE_NAME.match(value):
        raise ValueError("expected the name of an environment variable (capitals, digits and underscores), not the value itself")
    return value


def _owner(value: str) -> str:
    if not _OWNER.match(value):
        raise ValueError("expected team:<name> or an e-mail address")
    return value


def _qualified_table(value: str) -> str:
    if not _QUALIFIED.match(value):
        raise ValueError("expected a qualified table name such as public.invoices")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("expected text that is not blank")
    return value


TargetName = Annotated[str, AfterValidator(_target_name)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Owner = Annotated[str, AfterValidator(_owner)]
QualifiedTable = Annotated[str, AfterValidator(_qualified_table)]
Text = Annotated[str, AfterValidator(_not_blank)]
Percent = Annotated[float, Field(ge=0, le=100)]
Weight = Annotated[int, Field(ge=0, le=1000)]


class _Entry(BaseModel):
    # Errors must not quote what they refuse: it may be a secret in the wrong place.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class DatabaseAccess(_Entry):
    dsn_env: VariableName
    """Variable that holds the connection string; a direct or a pooled connection."""


class ManagementApi(_Entry):
    """Access to the platform's management API, for what the catalogue does not tell."""

    project_ref: Text
    token_env: VariableName


class DataApi(_Entry):
    """Where the project's Data API answers over HTTP, for API contracts and the HTTP steps of user journeys."""

    url: Text
    """Such as https://abcdefghij.supabase.co; no login in it."""
    key_env: VariableName | None = None
    """Variable with the publishable key; service keys have no place in contract tests."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not _HTTP_URL.match(value):
            raise ValueError("expected an http(s) URL without a login, such as https://abcdefghij.supabase.co")
        return value


class Performance(_Entry):
    explain_analyze: bool = False
    """Run slow SELECTs for their plans: read-only, under a timeout, and only those without parameters and side effects."""


class TenancySettings(_Entry):
    column: Text = "tenant_id"
    claim: Text = "tenant_id"
    membership_tables: tuple[QualifiedTable, ...] = ()
    not_applicable_reason: Text | None = None


class AuditColumns(_Entry):
    created_at: Text = "created_at"
    updated_at: Text = "updated_at"
    created_by: Text = "created_by"
    updated_by: Text = "updated_by"


class Project(_Entry):
    """One Supabase project."""

    name: TargetName
    environment: Environment
    owners: tuple[Owner, ...] = ()
    database: DatabaseAccess
    management_api: ManagementApi | None = None
    performance: Performance = Performance()
    exposed_schemas: tuple[Text, ...] | None = None
    """Only for projects where the Data API's schemas cannot be observed; an empty list means that there are none."""
    tenancy: TenancySettings = TenancySettings()
    audit_columns: AuditColumns = AuditColumns()
    critical_tables: tuple[QualifiedTable, ...] = ()
    audit_tables: tuple[QualifiedTable, ...] = ()
    """Audit logs whose names do not tell that they are."""
    repository: TargetName | None = None
    """Name of the entry under `repositories` that holds the project's migrations."""
    data_api: DataApi | None = None
    contracts: Text | None = None
    """Folder of the project's contracts, relative to the settings file.

    Default: `contracts` in its repository; without a repository `contracts/<name>` beside the settings.
    """
    contracts_dsn_env: VariableName | None = None
    """Variable with the connection string for contract tests, where the observer of scans may not become the roles of callers."""
    probe_writes: bool = False
    """Contract tests may change rows in transactions that are rolled back. Never in production, whatever stands here."""


class GithubAccess(_Entry):
    token_env: VariableName


class Repository(_Entry):
    name: TargetName
    path: Text | None = None
    """Checkout, relative to the settings file."""
    owners: tuple[Owner, ...] = ()
    github: GithubAccess | None = None


class ConnectorLimitSettings(_Entry):
    """From where on a connector counts as slow, and its queue as too long (CON003, CON007)."""

    latency_seconds: float = Field(default=DEFAULT_LIMITS.latency_seconds, gt=0, le=3600)
    pending: int = Field(default=DEFAULT_LIMITS.pending, ge=0)
    oldest_age_seconds: float = Field(default=DEFAULT_LIMITS.oldest_age_seconds, gt=0, allow_inf_nan=False)


class Connector(_Entry):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)

    name: TargetName
    class_path: str = Field(alias="class")
    """`package.module:ClassName`."""
    owners: tuple[Owner, ...] = ()
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Handed to the class as they are; options whose name ends in `_env` hold names of variables."""
    limits: ConnectorLimitSettings = ConnectorLimitSettings()

    @field_validator("class_path")
    @classmethod
    def _class_path(cls, value: str) -> str:
        if not _CLASS_PATH.match(value):
            raise ValueError("expected package.module:ClassName")
        return value

    @field_validator("options")
    @classmethod
    def _options(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        for key, option in value.items():
            if key.endswith("_env") and not (isinstance(option, str) and _VARIABLE_NAME.match(option)):
                raise ValueError(f"{redact(key)} must be the name of an environment variable, not the value itself")
        return value


class ParityWeights(_Entry):
    """Of the dimensions that a project declares contracts for; the others have no say."""

    api: Weight = 30
    data: Weight = 30
    event: Weight = 20
    behavior: Weight = 20
    drift: Weight = 20

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not (self.api or self.data or self.event or self.behavior):
            raise ValueError("at least one weight of api, data, event and behavior must be above 0")
        return self


class ParitySettings(_Entry):
    weights: ParityWeights = ParityWeights()
    max_drop_percent: Percent = 5
    """A score below (100 - max_drop_percent) % of its base fails the gate."""


class Schedule(_Entry):
    nightly: str = "0 2 * * *"
    governance: str = "30 6 * * *"
    """Exceptions, waivers, amendments, the audit chain and the organisation's README, after the nightly runs."""
    annual_review: str = "0 9 15 1-3 *"
    """In the first quarter (clause 11.2); more than once, because a run that fails would lose the year's review. It is opened once."""
    timezone: Text = "UTC"

    @field_validator("nightly", "governance", "annual_review")
    @classmethod
    def _cron(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != _CRON_FIELDS or not all(_CRON_FIELD.match(part) for field in fields for part in field.split(",")):
            raise ValueError("expected a cron expression of five fields, such as 0 2 * * *")
        return value


class Webhook(_Entry):
    webhook_env: VariableName


class GithubIssues(_Entry):
    repository: str
    """`owner/name` of the repository that receives the issues."""
    token_env: VariableName
    labels: tuple[Text, ...] = ()

    @field_validator("repository")
    @classmethod
    def _repository(cls, value: str) -> str:
        if not _REPOSITORY.match(value):
            raise ValueError("expected owner/name")
        return value


class Notifications(_Entry):
    mattermost: Webhook | None = None
    n8n: Webhook | None = None
    github_issues: GithubIssues | None = None
    web_url: str | None = None
    """Address of the web interface, for links in messages."""
    messages_per_hour: int = Field(default=30, ge=1, le=1000)
    """About one target; what is more comes as one message that sums up."""

    @field_validator("web_url")
    @classmethod
    def _web_url(cls, value: str | None) -> str | None:
        if value is not None and not _HTTP_URL.match(value):
            raise ValueError("expected an http(s) URL without a login, such as https://dagster.example.com")
        return value


class AnnualReview(_Entry):
    """Clause 11.2. The issue is opened in the repository of `notifications.github_issues`."""

    participants: tuple[Text, ...] = ()
    """Names of the Platform Architect, the Security Owner and the Engineering Lead, as on GitHub; the issue mentions them."""


class EnterpriseReadme(_Entry):
    """The organisation's README, made from the inventory (clause 3.4)."""

    repository: TargetName
    """Entry of `repositories` that holds it."""
    path: Text = "profile/README.md"
    template: Text | None = None
    """Relative to the settings file; default: the one that comes along."""
    push: bool = False
    """Write it to the repository's default branch through GitHub's API, with the token of its entry."""


class GovernanceSettings(_Entry):
    constitution: TargetName | None = None
    """Entry of `repositories` whose `spec/*/constitution.md` binds all targets; its amendments are announced, and their deadlines kept."""
    review: AnnualReview = AnnualReview()
    enterprise_readme: EnterpriseReadme | None = None


class TargetLists(_Entry):
    """What an included file may hold."""

    projects: tuple[Project, ...] = ()
    repositories: tuple[Repository, ...] = ()
    connectors: tuple[Connector, ...] = ()


class Settings(TargetLists):
    """The whole file, with the targets of included files appended in the order of the files."""

    include: tuple[Text, ...] = ()
    """Glob patterns, relative to the settings file, of YAML or JSON files that list further targets."""
    parity: ParitySettings = ParitySettings()
    schedule: Schedule = Schedule()
    notifications: Notifications = Notifications()
    governance: GovernanceSettings = GovernanceSettings()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for kind, entries in (("projects", self.projects), ("repositories", self.repositories), ("connectors", self.connectors)):
            if repeated := repeated_names(entry.name for entry in entries):
                raise ValueError(f"{kind}: {', '.join(repeated)} stands there more than once")
        return self


def repeated_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names that occur more than once, in the order of their second occurrence."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name in names:
        if name in seen:
            repeated[name] = None
        seen.add(name)
    return tuple(repeated)


def target_of(entry: Project | Repository | Connector) -> Target:
    """The target that an entry describes. Repositories and connectors have no environment and count as production."""
    match entry:
        case Project():
            return Target(TargetKind.SUPABASE_PROJECT, entry.name, entry.environment, entry.owners)
        case Repository():
            return Target(TargetKind.REPOSITORY, entry.name, Environment.PRODUCTION, entry.owners)
        case Connector():
            return Target(TargetKind.CONNECTOR, entry.name, Environment.PRODUCTION, entry.owners)


def declarations_of(project: Project) -> Declarations:
    """What the owners declared about their project, in the terms of the rules."""
    tenancy = project.tenancy
    return Declarations(
        exposed_schemas=project.exposed_schemas,
        tenancy=Tenancy(tenancy.column, tenancy.claim, tenancy.membership_tables, tenancy.not_applicable_reason),
        critical_tables=project.critical_tables,
        audit_tables=project.audit_tables,
        created_at=project.audit_columns.created_at,
        updated_at=project.audit_columns.updated_at,
        created_by=project.audit_columns.created_by,
        updated_by=project.audit_columns.updated_by,
        management_api=project.management_api is not None,
    )


def observation_options_of(project: Project) -> ObservationOptions:
    """What else to observe of the project."""
    api = project.management_api
    return ObservationOptions(
        explain_analyze=project.performance.explain_analyze,
        management_api=ManagementApiAccess(api.project_ref, api.token_env) if api else None,
    )


def connector_limits_of(connector: Connector) -> ConnectorLimits:
    """What the owners hold their connector to, in the terms of the rules."""
    limits = connector.limits
    return ConnectorLimits(limits.latency_seconds, limits.pending, limits.oldest_age_seconds)
