"""What a command looks at: a database by its connection string, or a project of the settings. Shared options and their meaning."""

# No `from __future__ import annotations` here: Typer reads the option types when a command is called.

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from platformkit_pipeline.cli.output import warn
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import (
    Declarations,
    Environment,
    ManagementApiAccess,
    ObservationOptions,
    Target,
    TargetKind,
    Tenancy,
)
from platformkit_pipeline.model.target_name import LONGEST_NAME, name_fault

if TYPE_CHECKING:
    from platformkit_pipeline.model.settings import Settings

DsnOption = Annotated[
    str | None, typer.Option("--dsn", metavar="DSN", help="Connection string. Prefer --dsn-env when it holds a password.")
]
DsnEnvOption = Annotated[
    str | None, typer.Option("--dsn-env", metavar="NAME", help="Environment variable that holds the connection string.")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", metavar="NAME", help="A project of the settings; for a scan, also a repository or a connector.")
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings for --target; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."),
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the target in the report; default the database's.")]
EnvironmentOption = Annotated[Environment | None, typer.Option("--environment", help="Where the database serves; default development.")]
ExposedSchemaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exposed-schema",
        metavar="SCHEMA",
        help="Schema that the Data API serves, used when it cannot be observed. Repeatable; '' for none.",
    ),
]
TenantColumnOption = Annotated[
    str | None, typer.Option("--tenant-column", metavar="COLUMN", help="Column that names a row's tenant; default tenant_id.")
]
TenantClaimOption = Annotated[
    str | None,
    typer.Option("--tenant-claim", metavar="CLAIM", help="Claim of the token that names the caller's tenant; default tenant_id."),
]
MembershipTableOption = Annotated[
    list[str] | None,
    typer.Option("--membership-table", metavar="SCHEMA.TABLE", help="Table that maps users to tenants. Repeatable."),
]
SingleTenantOption = Annotated[
    str | None, typer.Option("--single-tenant", metavar="REASON", help="Declare that there is one tenant only, and why.")
]
ProjectRefOption = Annotated[
    str | None, typer.Option("--project-ref", metavar="REF", help="Reference of the project on the platform: judge its API logs, too.")
]
ManagementTokenOption = Annotated[
    str | None,
    typer.Option(
        "--management-token-env",
        metavar="NAME",
        help="Environment variable that holds the access token for --project-ref; default SUPABASE_ACCESS_TOKEN.",
    ),
]
ExplainAnalyzeOption = Annotated[
    bool,
    typer.Option(
        "--explain-analyze", help="Run slow SELECTs for their plans: read-only, under a timeout, without parameters or side effects only."
    ),
]


@dataclass(frozen=True, slots=True)
class Listed:
    """The settings as they were read, and their file: paths in them are relative to its folder."""

    file: Path
    settings: "Settings"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at, how it is reached, and what its owners declare about it."""

    dsn: Dsn
    target: Target
    declarations: Declarations
    options: ObservationOptions


@dataclass(frozen=True, slots=True)
class SubjectOptions:
    """The options as they were given; `resolve` says what they amount to."""

    dsn: str | None
    dsn_env: str | None
    target: str | None
    settings: Path | None
    name: str | None
    environment: Environment | None
    exposed_schema: list[str] | None
    tenant_column: str | None
    tenant_claim: str | None
    membership_table: list[str] | None
    single_tenant: str | None
    project_ref: str | None = None
    management_token_env: str | None = None
    explain_analyze: bool = False

    def named(self, *but: str) -> dict[str, object]:
        """The options by the names that a person gave them under, without some."""
        options: dict[str, object] = {
            "--dsn": self.dsn,
            "--dsn-env": self.dsn_env,
            "--target": self.target,
            "--settings": self.settings,
            "--name": self.name,
            "--environment": self.environment,
            "--exposed-schema": self.exposed_schema,
            "--tenant-column": self.tenant_column,
            "--tenant-claim": self.tenant_claim,
            "--membership-table": self.membership_table,
            "--single-tenant": self.single_tenant,
            "--project-ref": self.project_ref,
            "--management-token-env": self.management_token_env,
            "--explain-analyze": self.explain_analyze,
        }
        return {name: value for name, value in options.items() if name not in but}

    def resolve(self, listed: Listed | None = None) -> Subject:
        """`listed` are the settings, where they were read already.

        Raises ConfigurationError for options that contradict one another, SettingsError, UnknownTarget.
        """
        if self.target is not None:
            others = self.named("--target", "--settings", "--explain-analyze")
            refuse_together("--target takes everything from the settings and", others)
            return _subject_of_settings(self.target, listed or listed_settings(self.settings), explain_analyze=self.explain_analyze)
        if self.settings is not None:
            raise ConfigurationError("--settings needs --target, the name of one of its projects")
        reached = _given_dsn(self.dsn, self.dsn_env)
        api = _management_api(self.project_ref, self.management_token_env)
        return Subject(
            reached,
            Target(TargetKind.SUPABASE_PROJECT, _usable_name(self.name, reached), self.environment or Environment.DEVELOPMENT),
            Declarations(
                exposed_schemas=_exposed_schemas(self.exposed_schema),
                tenancy=_tenancy(self.tenant_column, self.tenant_claim, self.membership_table, self.single_tenant),
                management_api=api is not None,
            ),
            ObservationOptions(explain_analyze=self.explain_analyze, management_api=api),
        )


def refuse_together(subject: str, others: Mapping[str, object]) -> None:
    """Raises ConfigurationError that begins with `subject` when one of the other options was given."""
    given = [name for name, value in others.items() if value not in (None, [], False)]
    if given:
        raise ConfigurationError(f"{subject} cannot be combined with {', '.join(given)}")


def listed_settings(option: Path | None) -> Listed:
    """Raises SettingsError."""
    from platformkit_pipeline.operations.read_settings import read_settings, settings_path

    file = settings_path(option)
    return Listed(file, read_settings(file))


def _subject_of_settings(name: str, listed: Listed, *, explain_analyze: bool) -> Subject:
    from platformkit_pipeline.model.settings import declarations_of, observation_options_of, target_of
    from platformkit_pipeline.operations.read_settings import find_project, resolve_dsn

    project = find_project(listed.settings, name)
    options = observation_options_of(project)
    return Subject(
        resolve_dsn(project),
        target_of(project),
        declarations_of(project),
        replace(options, explain_analyze=explain_analyze or options.explain_analyze),
    )


def _management_api(project_ref: str | None, token_env: str | None) -> ManagementApiAccess | None:
    if project_ref is None:
        if token_env is not None:
            raise ConfigurationError("--management-token-env needs --project-ref, the project whose logs are meant")
        return None
    return ManagementApiAccess(project_ref, token_env or "SUPABASE_ACCESS_TOKEN")


def _given_dsn(dsn: str | None, dsn_env: str | None) -> Dsn:
    if (dsn is None) == (dsn_env is None):
        raise ConfigurationError("say what to look at with one of --dsn-env NAME, --dsn DSN and --target NAME")
    if dsn_env is not None:
        from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment

        return dsn_from_environment(dsn_env)
    given = Dsn((dsn or "").strip(), origin="--dsn")
    if not given.reveal():
        raise ConfigurationError("--dsn is empty; it must be a PostgreSQL connection string")
    if str(given) != given.reveal():
        warn("a password on the command line is visible in process lists and shell histories; --dsn-env keeps it out of both")
    return given


def _usable_name(name: str | None, dsn: Dsn) -> str:
    if name is None:
        return _database_name(dsn)
    if fault := name_fault(name):
        raise ConfigurationError(f"--name: {fault}")
    return name


def _database_name(dsn: Dsn) -> str:
    from platformkit_pipeline.introspection.postgres.connection import location_of

    name = location_of(dsn).database
    if not name_fault(name):
        return name
    return "".join(c if c.isprintable() and c != "," else "_" for c in name).strip(" .")[:LONGEST_NAME] or "database"


def _exposed_schemas(values: list[str] | None) -> tuple[str, ...] | None:
    if not values:
        return None
    return tuple(dict.fromkeys(value for value in values if value))


def _tenancy(column: str | None, claim: str | None, membership_tables: list[str] | None, single_tenant: str | None) -> Tenancy:
    for option, value in {"--tenant-column": column, "--tenant-claim": claim, "--single-tenant": single_tenant}.items():
        if value is not None and not value.strip():
            raise ConfigurationError(f"{option} must not be blank")
    for table in membership_tables or ():
        if "." not in table.strip("."):
            raise ConfigurationError("--membership-table expects a qualified name such as public.members")
    return Tenancy(column or "tenant_id", claim or "tenant_id", tuple(membership_tables or ()), single_tenant)
