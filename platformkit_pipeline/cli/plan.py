"""`platformkit plan`: what would mend the findings of one database."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import check_output, progress_line, warn, write_text
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
        None, "--emit", metavar="DIR", help="Write migrations/, rollbacks/ and MANUAL.md into this new or empty folder."
    ),
    no_prove: bool = typer.Option(False, "--no-prove", help="Propose only; the patches are not tried on a shadow, and stay unproven."),
    output_format: PlanFormat = typer.Option(PlanFormat.MARKDOWN, "--format", help="Form of the plan on stdout."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the plan to a file instead of stdout."),
) -> int:
    """Say what would mend the findings of one database.

    Opens one read-only transaction on the database and changes nothing there. Its schema is rebuilt on a PostgreSQL server of its own,
    and every patch has to prove there that it mends its finding, alone and with the others, and does nothing else. What fails is
    withheld, with the reason. Findings that need a decision are listed with the steps for a person.

    \b
    Examples:
      platformkit plan --target shop-production --emit remediation/
      platformkit plan --dsn-env DATABASE_URL --format json --output plan.json

    \b
    Exit codes: 0 a plan was made, also an empty one; 2 wrong input; 3 the database could not be observed.
    """
    from platformkit_pipeline.operations.propose_plan import propose_plan, write_plan
    from platformkit_pipeline.reporting.plan import plan_json, plan_markdown

    check_output(output)
    if emit is not None and emit.exists() and (not emit.is_dir() or any(emit.iterdir())):
        raise ConfigurationError(f"--emit {emit}: is not an empty folder; give a new one")
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
