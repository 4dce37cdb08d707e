"""`platformkit scan`: judge one database or one repository and print the report."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.connector_subject import connector_of_settings, refuse_other_options
from platformkit_pipeline.cli.output import check_output, progress, progress_line, render, write_text
from platformkit_pipeline.cli.repository_subject import (
    BaseOption,
    GithubOption,
    GithubTokenOption,
    RepoOption,
    github_access,
    repository_of_settings,
    repository_subject,
    subject_of_entry,
)
from platformkit_pipeline.cli.subject import (
    DsnEnvOption,
    DsnOption,
    EnvironmentOption,
    ExplainAnalyzeOption,
    ExposedSchemaOption,
    ManagementTokenOption,
    MembershipTableOption,
    NameOption,
    ProjectRefOption,
    SettingsOption,
    SingleTenantOption,
    SubjectOptions,
    TargetOption,
    TenantClaimOption,
    TenantColumnOption,
    listed_settings,
)
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.isolation import ProbeLevel

if TYPE_CHECKING:
    from platformkit_pipeline.cli.repository_subject import RepositorySubject
    from platformkit_pipeline.model.result import Result
    from platformkit_pipeline.model.scan import ScanReport
    from platformkit_pipeline.model.settings import Connector
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


@app.command()
def scan(
    *,
    dsn: DsnOption = None,
    dsn_env: DsnEnvOption = None,
    repo: RepoOption = None,
    base: BaseOption = None,
    github: GithubOption = None,
    github_token_env: GithubTokenOption = None,
    target: TargetOption = None,
    settings: SettingsOption = None,
    name: NameOption = None,
    environment: EnvironmentOption = None,
    exposed_schema: ExposedSchemaOption = None,
    tenant_column: TenantColumnOption = None,
    tenant_claim: TenantClaimOption = None,
    membership_table: MembershipTableOption = None,
    single_tenant: SingleTenantOption = None,
    project_ref: ProjectRefOption = None,
    management_token_env: ManagementTokenOption = None,
    explain_analyze: ExplainAnalyzeOption = False,
    select: list[str] | None = typer.Option(
        None, "--select", metavar="CODES", help="Only rules whose code begins so, e.g. RLS,FUN001. Repeatable."
    ),
    ignore: list[str] | None = typer.Option(None, "--ignore", metavar="CODES", help="Leave out rules whose code begins so. Repeatable."),
    probe: ProbeLevel = typer.Option(
        ProbeLevel.NONE,
        "--probe",
        help="Try tenant isolation live: read asks as one tenant for rows of others, write changes some and takes that back.",
    ),
    fail_on: FailOn = typer.Option(FailOn.HIGH, "--fail-on", help="Least severity that makes the exit code 1 (or 3, if unknown)."),
    output_format: ScanFormat = typer.Option(ScanFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the report to a file instead of stdout."),
) -> int:
    """Judge one database, one repository or one connector by the rules.

    Opens one read-only transaction, changes nothing and stores nothing. With --probe read a second one asks, as anon and
    authenticated, for rows that are none of theirs; it needs a role that may read the tables and become those two. --probe
    write is for databases that nobody misses: all is rolled back, but triggers run and sequences move. Production is refused.

    With --repo the latest commit of a git repository is judged, without a checkout: nothing of it is run, and what is not
    committed is not looked at. --base leaves out what was there before the change, and judges the migrations that it brings.

    With --target the settings say what it is. A connector is asked everything and put to the acceptance suite, on a server that is
    started for it, or on that of PLATFORMKIT_BENCH_DATABASE_URL; no event goes to its real destination.

    \b
    Examples:
      platformkit scan --dsn-env DATABASE_URL
      platformkit scan --dsn postgresql://localhost/shop --exposed-schema public --select RLS,FUN
      platformkit scan --target shop-production --format json --output scan.json
      platformkit scan --dsn-env DATABASE_URL --format sarif --fail-on critical > scan.sarif
      platformkit scan --dsn-env STAGING_URL --probe read --select TEN
      platformkit scan --repo . --base origin/main --format sarif --output repository.sarif
      platformkit scan --repo . --github acme/shop --github-token-env SHOP_TOKEN

    \b
    Exit codes: 0 no finding at or above --fail-on; 1 there are some; 2 wrong input;
    3 what was asked could not be observed well enough to answer.
    """
    from platformkit_pipeline.cycle_collector import collector_spared

    check_output(output)
    options = SubjectOptions(
        *(dsn, dsn_env, target, settings, name, environment, exposed_schema),
        *(tenant_column, tenant_claim, membership_table, single_tenant),
        *(project_ref, management_token_env, explain_analyze),
    )
    listed = listed_settings(settings) if repo is None and target is not None else None
    entry = repository_of_settings(target, listed) if target is not None and listed is not None else None
    of_github = {"--github": github, "--github-token-env": github_token_env}
    probed = {"--probe": None if probe is ProbeLevel.NONE else probe}
    looked_at = None
    if repo is not None:
        looked_at = repository_subject(repo, base, name, options.named("--name") | probed, github_access(github, github_token_env))
    elif entry is not None:
        looked_at = subject_of_entry(entry, base, options.named("--target", "--settings") | probed | of_github)
    if looked_at is not None:
        chosen = _chosen_repository_rules(select, ignore, change=base is not None)
        return _scan_repository(looked_at, chosen, fail_on, output_format, output)
    connector = connector_of_settings(target, listed) if target is not None and listed is not None else None
    if connector is not None:
        refuse_other_options(connector.name, options.named("--target", "--settings") | probed | of_github | {"--base": base})
        return _scan_connector(connector, _chosen_connector_rules(select, ignore), fail_on, output_format, output)
    for option, value in {"--base": base, **of_github}.items():
        if value is not None:
            raise ConfigurationError(f"{option} needs --repo, the repository that is meant")
    rules = _chosen_rules(select, ignore, probe)
    subject = options.resolve(listed)
    with collector_spared():
        from platformkit_pipeline.operations.scan import scan_database

        with progress(f"scanning {subject.target.name} ..."):
            report = scan_database(
                subject.dsn, target=subject.target, declarations=subject.declarations, options=subject.options, rules=rules, probe=probe
            )
        write_text(_rendered(report, rules, output_format, to_file=output is not None), output)
        return exit_code(report, fail_on)


def exit_code(report: ScanReport, fail_on: FailOn) -> int:
    """1 for a failure at or above `fail_on`, else 3 for something unknown there, else 0."""
    return exit_code_of(report.findings, fail_on)


def exit_code_of(findings: Iterable[Result], fail_on: FailOn) -> int:
    if fail_on is FailOn.NONE:
        return 0
    from platformkit_pipeline.model.result import Outcome, Severity

    threshold = Severity(fail_on.value)
    outcomes = {finding.outcome for finding in findings if finding.severity.at_least(threshold)}
    if Outcome.FAIL in outcomes:
        return EXIT_FINDINGS
    return EXIT_NOT_OBSERVED if Outcome.UNKNOWN in outcomes else 0


def _chosen_rules(select: list[str] | None, ignore: list[str] | None, probe: ProbeLevel) -> tuple[Rule, ...] | None:
    """None for all rules of a project, which can be loaded later. Raises ConfigurationError for a choice that cannot be judged."""
    if not select and not ignore:
        return None
    from platformkit_pipeline.rules.registry import Scope, Source, select_rules

    chosen = select_rules(codes_of(select, "--select"), codes_of(ignore, "--ignore"))
    rules = _left("database", (rule for rule in chosen if rule.scope is Scope.PROJECT))
    if probe is not ProbeLevel.NONE and not any(rule.source is Source.PROBE for rule in rules):
        raise ConfigurationError("--probe is judged by TEN005, which --select and --ignore leave out")
    return rules


def _scan_repository(
    subject: RepositorySubject, rules: tuple[Rule, ...], fail_on: FailOn, output_format: ScanFormat, output: Path | None
) -> int:
    from platformkit_pipeline.operations.scan_repository import RepositorySource, scan_repository

    with progress_line() as show:
        report = scan_repository(
            RepositorySource(subject.path, subject.base, subject.github), target=subject.target, rules=rules, progress=show
        )
    write_text(_rendered(report, rules, output_format, to_file=output is not None), output)
    return exit_code(report, fail_on)


def _scan_connector(connector: Connector, rules: tuple[Rule, ...], fail_on: FailOn, output_format: ScanFormat, output: Path | None) -> int:
    from platformkit_pipeline.operations.scan_connector import scan_connector

    with progress(f"asking {connector.name}, and putting it to the acceptance suite ..."):
        report = scan_connector(connector, rules=rules)
    write_text(_rendered(report, rules, output_format, to_file=output is not None), output)
    return exit_code(report, fail_on)


def _chosen_connector_rules(select: list[str] | None, ignore: list[str] | None) -> tuple[Rule, ...]:
    """All rules about connectors, or those chosen. Raises ConfigurationError when none is left."""
    from platformkit_pipeline.rules.registry import rules_about_connectors, select_rules

    every = rules_about_connectors()
    if not select and not ignore:
        return every
    return _left("connector", (r for r in select_rules(codes_of(select, "--select"), codes_of(ignore, "--ignore")) if r in every))


def _left(judged: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that a choice leaves. Raises ConfigurationError when it leaves none."""
    chosen = tuple(rules)
    if not chosen:
        raise ConfigurationError(f"--select and --ignore leave no rule that judges a {judged}")
    return chosen


def _chosen_repository_rules(select: list[str] | None, ignore: list[str] | None, *, change: bool) -> tuple[Rule, ...]:
    """All rules of such a scan, or those chosen. Raises ConfigurationError when none is left."""
    from platformkit_pipeline.operations.scan_repository import rules_of_scan
    from platformkit_pipeline.rules.registry import select_rules

    every = rules_of_scan(change=change)
    if not select and not ignore:
        return every
    return _left("repository", (r for r in select_rules(codes_of(select, "--select"), codes_of(ignore, "--ignore")) if r in every))


def codes_of(values: list[str] | None, option: str) -> list[str]:
    codes = [code.strip() for value in values or () for code in value.split(",")]
    if "" in codes:
        raise ConfigurationError(f"{option} expects codes such as RLS or FUN001, separated by commas")
    return codes


def _rendered(report: ScanReport, rules: tuple[Rule, ...] | None, output_format: ScanFormat, *, to_file: bool) -> str:
    match output_format:
        case ScanFormat.TABLE:
            from platformkit_pipeline.cli.scan_table import scan_table

            return render(scan_table(report), plain=to_file)
        case ScanFormat.JSON:
            from platformkit_pipeline.reporting.scan_document import scan_json

            return scan_json(report)
        case ScanFormat.SARIF:
            from platformkit_pipeline.reporting.sarif import sarif_json
            from platformkit_pipeline.rules.registry import Scope, rules_for

            return sarif_json(report, rules_for(Scope.PROJECT) if rules is None else rules)
        case ScanFormat.JUNIT:
            from platformkit_pipeline.reporting.junit import junit_xml

            return junit_xml(report)
        case ScanFormat.MARKDOWN:
            from platformkit_pipeline.reporting.markdown import scan_markdown

            return scan_markdown(report)
