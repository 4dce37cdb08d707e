"""`platformkit scan`: judge one database and print the report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import check_output, progress, render, warn, write_text
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.target import Declarations, Environment, Target, TargetKind, Tenancy
from platformkit_pipeline.model.target_name import LONGEST_NAME, name_fault

if TYPE_CHECKING:
    from platformkit_pipeline.model.scan import ScanReport
    from platformkit_pipeline.rules.registry import Rule

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EXIT_FINDINGS = 1
EXIT_NOT_OBSERVED = 3


class ScanFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class FailOn(StrEnum):
    """Severity from which findings change the exit code."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is scanned, and how it is reached."""

    dsn: Dsn
    target: Target
    declarations: Declarations


@app.command()
def scan(
    *,
    dsn: str | None = typer.Option(None, "--dsn", metavar="DSN", help="Connection string. Prefer --dsn-env when it holds a password."),
    dsn_env: str | None = typer.Option(None, "--dsn-env", metavar="NAME", help="Environment variable that holds the connection string."),
    target: str | None = typer.Option(None, "--target", metavar="NAME", help="A project of the settings."),
    settings: Path | None = typer.Option(
        None, "--settings", metavar="FILE", help="Settings for --target; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."
    ),
    name: str | None = typer.Option(None, "--name", metavar="NAME", help="Name of the target in the report; default the database's."),
    environment: Environment | None = typer.Option(None, "--environment", help="Where the database serves; default development."),
    exposed_schema: list[str] | None = typer.Option(
        None,
        "--exposed-schema",
        metavar="SCHEMA",
        help="Schema that the Data API serves, used when it cannot be observed. Repeatable; '' for none.",
    ),
    tenant_column: str | None = typer.Option(
        None, "--tenant-column", metavar="COLUMN", help="Column that names a row's tenant; default tenant_id."
    ),
    tenant_claim: str | None = typer.Option(
        None, "--tenant-claim", metavar="CLAIM", help="Claim of the token that names the caller's tenant; default tenant_id."
    ),
    membership_table: list[str] | None = typer.Option(
        None, "--membership-table", metavar="SCHEMA.TABLE", help="Table that maps users to tenants. Repeatable."
    ),
    single_tenant: str | None = typer.Option(
        None, "--single-tenant", metavar="REASON", help="Declare that there is one tenant only, and why."
    ),
    select: list[str] | None = typer.Option(
        None, "--select", metavar="CODES", help="Only rules whose code begins so, e.g. RLS,FUN001. Repeatable."
    ),
    ignore: list[str] | None = typer.Option(None, "--ignore", metavar="CODES", help="Leave out rules whose code begins so. Repeatable."),
    fail_on: FailOn = typer.Option(FailOn.HIGH, "--fail-on", help="Least severity that makes the exit code 1 (or 3, if unknown)."),
    output_format: ScanFormat = typer.Option(ScanFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the report to a file instead of stdout."),
) -> int:
    """Judge one database by the rules.

    Opens one read-only transaction, changes nothing and stores nothing.

    \b
    Examples:
      platformkit scan --dsn-env DATABASE_URL
      platformkit scan --dsn postgresql://localhost/shop --exposed-schema public --select RLS,FUN
      platformkit scan --target shop-production --format json --output scan.json
      platformkit scan --dsn-env DATABASE_URL --format sarif --fail-on critical > scan.sarif

    \b
    Exit codes: 0 no finding at or above --fail-on; 1 there are some; 2 wrong input;
    3 the database could not be observed well enough to answer.
    """
    from platformkit_pipeline.operations.scan import scan_database
    from platformkit_pipeline.rules.registry import Scope, select_rules

    check_output(output)
    chosen = select_rules(_codes(select, "--select"), _codes(ignore, "--ignore"))
    rules = tuple(rule for rule in chosen if rule.scope is Scope.PROJECT)
    if not rules:
        raise ConfigurationError("--select and --ignore leave no rule that judges a database")
    if target is not None:
        _refuse_together(
            "--target",
            {
                "--dsn": dsn, "--dsn-env": dsn_env, "--name": name, "--environment": environment, "--exposed-schema": exposed_schema,
                "--tenant-column": tenant_column, "--tenant-claim": tenant_claim, "--membership-table": membership_table,
                "--single-tenant": single_tenant,
            },
        )  # fmt: skip
        subject = _subject_of_settings(target, settings)
    else:
        if settings is not None:
            raise ConfigurationError("--settings needs --target, the name of one of its projects")
        reached = _given_dsn(dsn, dsn_env)
        subject = _Subject(
            reached,
            Target(TargetKind.SUPABASE_PROJECT, _usable_name(name, reached), environment or Environment.DEVELOPMENT),
            Declarations(
                exposed_schemas=_exposed_schemas(exposed_schema),
                tenancy=_tenancy(tenant_column, tenant_claim, membership_table, single_tenant),
            ),
        )
    with progress(f"scanning {subject.target.name} ..."):
        report = scan_database(subject.dsn, target=subject.target, declarations=subject.declarations, rules=rules)
    write_text(_rendered(report, rules, output_format, to_file=output is not None), output)
    return exit_code(report, fail_on)


def exit_code(report: ScanReport, fail_on: FailOn) -> int:
    """1 for a failure at or above `fail_on`, else 3 for something unknown there, else 0."""
    if fail_on is FailOn.NONE:
        return 0
    threshold = Severity(fail_on.value)
    outcomes = {finding.outcome for finding in report.findings if finding.severity.at_least(threshold)}
    if Outcome.FAIL in outcomes:
        return EXIT_FINDINGS
    return EXIT_NOT_OBSERVED if Outcome.UNKNOWN in outcomes else 0


def _codes(values: list[str] | None, option: str) -> list[str]:
    codes = [code.strip() for value in values or () for code in value.split(",")]
    if "" in codes:
        raise ConfigurationError(f"{option} expects codes such as RLS or FUN001, separated by commas")
    return codes


def _refuse_together(option: str, others: dict[str, object]) -> None:
    given = [name for name, value in others.items() if value is not None and value != []]
    if given:
        raise ConfigurationError(f"{option} takes everything from the settings and cannot be combined with {', '.join(given)}")


def _subject_of_settings(name: str, settings: Path | None) -> _Subject:
    from platformkit_pipeline.model.settings import declarations_of, target_of
    from platformkit_pipeline.operations.read_settings import find_project, read_settings, resolve_dsn, settings_path

    project = find_project(read_settings(settings_path(settings)), name)
    return _Subject(resolve_dsn(project), target_of(project), declarations_of(project))


def _given_dsn(dsn: str | None, dsn_env: str | None) -> Dsn:
    if (dsn is None) == (dsn_env is None):
        raise ConfigurationError("say what to scan with one of --dsn-env NAME, --dsn DSN and --target NAME")
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


def _rendered(report: ScanReport, rules: tuple[Rule, ...], output_format: ScanFormat, *, to_file: bool) -> str:
    match output_format:
        case ScanFormat.TABLE:
            from platformkit_pipeline.cli.scan_table import scan_table

            return render(scan_table(report), plain=to_file)
        case ScanFormat.JSON:
            from platformkit_pipeline.reporting.scan_document import scan_json

            return scan_json(report)
        case ScanFormat.SARIF:
            from platformkit_pipeline.reporting.sarif import sarif_json

            return sarif_json(report, rules)
        case ScanFormat.JUNIT:
            from platformkit_pipeline.reporting.junit import junit_xml

            return junit_xml(report)
        case ScanFormat.MARKDOWN:
            from platformkit_pipeline.reporting.markdown import scan_markdown

            return scan_markdown(report)
