"""`platformkit plan`: what would mend the findings of one database or one repository."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import check_output, progress_line, warn, write_text
from platformkit_pipeline.cli.repository_subject import RepoOption, RepositorySubject, repository_subject
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
)
from platformkit_pipeline.model.errors import ConfigurationError

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class PlanFormat(StrEnum):
    MARKDOWN = "markdown"
    JSON = "json"


@app.command()
def plan(
    *,
    dsn: DsnOption = None,
    dsn_env: DsnEnvOption = None,
    repo: RepoOption = None,
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
    emit: Path | None = typer.Option(
        None,
        "--emit",
        metavar="DIR",
        help="Write migrations/ and rollbacks/, or patches for `git am`, and MANUAL.md into this new or empty folder.",
    ),
    no_prove: bool = typer.Option(False, "--no-prove", help="Propose only; the patches are not tried on a shadow, and stay unproven."),
    output_format: PlanFormat = typer.Option(PlanFormat.MARKDOWN, "--format", help="Form of the plan on stdout."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the plan to a file instead of stdout."),
) -> int:
    """Say what would mend the findings of one database, or of one repository.

    Opens one read-only transaction on the database and changes nothing there. Its schema is rebuilt on a PostgreSQL server of its own,
    and every patch has to prove there that it mends its finding, alone and with the others, and does nothing else. What fails is
    withheld, with the reason. Findings that need a decision are listed with the steps for a person.

    With --repo each finding becomes a git patch against HEAD, which has to prove itself on trees that only the proof sees.

    \b
    Examples:
      platformkit plan --target shop-production --emit remediation/
      platformkit plan --dsn-env DATABASE_URL --format json --output plan.json
      platformkit plan --repo . --emit patches/ && git am patches/*.patch

    \b
    Exit codes: 0 a plan was made, also an empty one; 2 wrong input; 3 the database could not be observed.
    """
    from platformkit_pipeline.operations.propose_plan import propose_plan, write_plan
    from platformkit_pipeline.reporting.plan import plan_json, plan_markdown

    check_output(output)
    if emit is not None and emit.exists() and (not emit.is_dir() or any(emit.iterdir())):
        raise ConfigurationError(f"--emit {emit}: is not an empty folder; give a new one")
    if repo is not None:
        about_databases = {
            **{"--dsn": dsn, "--dsn-env": dsn_env, "--target": target, "--settings": settings, "--environment": environment},
            **{"--exposed-schema": exposed_schema, "--tenant-column": tenant_column, "--tenant-claim": tenant_claim},
            **{"--membership-table": membership_table, "--single-tenant": single_tenant, "--project-ref": project_ref},
            **{"--management-token-env": management_token_env, "--explain-analyze": explain_analyze},
        }
        return _plan_repository(repository_subject(repo, None, name, about_databases), emit, output_format, output, proven=not no_prove)
    subject = SubjectOptions(
        *(dsn, dsn_env, target, settings, name, environment, exposed_schema),
        *(tenant_column, tenant_claim, membership_table, single_tenant),
        *(project_ref, management_token_env, explain_analyze),
    ).resolve()
    with progress_line() as progress:
        proposed = propose_plan(
            subject.dsn,
            target=subject.target,
            declarations=subject.declarations,
            options=subject.options,
            proven=not no_prove,
            progress=progress,
        )
    if emit is not None:
        try:
            written = write_plan(proposed, emit)
        except OSError as error:
            raise ConfigurationError(f"--emit {emit}: cannot be written: {error.strerror or type(error).__name__}") from None
        if not written:
            warn("nothing to mend, so no file was written")
    write_text(plan_json(proposed) if output_format is PlanFormat.JSON else plan_markdown(proposed), output)
    return 0


def _plan_repository(subject: RepositorySubject, emit: Path | None, output_format: PlanFormat, output: Path | None, *, proven: bool) -> int:
    from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan, write_repository_plan
    from platformkit_pipeline.reporting.repository_plan import repository_plan_json, repository_plan_markdown

    with progress_line() as progress:
        proposed = propose_repository_plan(subject.path, target=subject.target, proven=proven, progress=progress)
    if emit is not None:
        try:
            written = write_repository_plan(proposed, emit)
        except OSError as error:
            raise ConfigurationError(f"--emit {emit}: cannot be written: {error.strerror or type(error).__name__}") from None
        if not written:
            warn("nothing to mend, so no file was written")
    write_text(repository_plan_json(proposed) if output_format is PlanFormat.JSON else repository_plan_markdown(proposed), output)
    return 0
