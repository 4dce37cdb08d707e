"""`platformkit plan`: what would mend the findings of one database or one repository."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import check_output, progress_line, warn, write_text
from platformkit_pipeline.cli.repository_subject import (
    GithubOption,
    GithubTokenOption,
    RepoOption,
    RepositorySubject,
    github_access,
    repository_subject,
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
)
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.operations.propose_repository_plan import PlanInput

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
    owner: str | None = typer.Option(None, "--owner", metavar="@ORG/TEAM", help="With --repo: who owns files that have no owner."),
    action_digests: Path | None = typer.Option(
        None,
        "--action-digests",
        metavar="FILE",
        help="With --repo: YAML that names for actions the commit to pin them to, and the release.",
    ),
    github: GithubOption = None,
    github_token_env: GithubTokenOption = None,
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
    options = SubjectOptions(
        *(dsn, dsn_env, target, settings, name, environment, exposed_schema),
        *(tenant_column, tenant_claim, membership_table, single_tenant),
        *(project_ref, management_token_env, explain_analyze),
    )
    if repo is not None:
        repository = repository_subject(repo, None, name, options.named("--name"), github_access(github, github_token_env))
        return _plan_repository(repository, _told(repository, owner, action_digests), emit, output_format, output, proven=not no_prove)
    given = {"--owner": owner, "--action-digests": action_digests, "--github": github, "--github-token-env": github_token_env}
    if misplaced := [option for option, value in given.items() if value is not None]:
        raise ConfigurationError(f"{', '.join(misplaced)}: only with --repo")
    subject = options.resolve()
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
        _emit(emit, lambda: write_plan(proposed, emit))
    write_text(plan_json(proposed) if output_format is PlanFormat.JSON else plan_markdown(proposed), output)
    return 0


def _emit(folder: Path, write: Callable[[], tuple[Path, ...]]) -> None:
    try:
        written = write()
    except OSError as error:
        raise ConfigurationError(f"--emit {folder}: cannot be written: {error.strerror or type(error).__name__}") from None
    if not written:
        warn("nothing to mend, so no file was written")


def _told(subject: RepositorySubject, owner: str | None, action_digests: Path | None) -> PlanInput:
    from platformkit_pipeline.operations.new_repository import checked_owner, read_action_digests
    from platformkit_pipeline.operations.propose_repository_plan import PlanInput

    digests = read_action_digests(action_digests, any_action=True) if action_digests else {}
    return PlanInput(checked_owner(owner), digests, subject.github)


def _plan_repository(
    subject: RepositorySubject, told: PlanInput, emit: Path | None, output_format: PlanFormat, output: Path | None, *, proven: bool
) -> int:
    from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan, write_repository_plan
    from platformkit_pipeline.reporting.repository_plan import repository_plan_json, repository_plan_markdown

    with progress_line() as progress:
        proposed = propose_repository_plan(subject.path, target=subject.target, told=told, proven=proven, progress=progress)
    if emit is not None:
        _emit(emit, lambda: write_repository_plan(proposed, emit))
    write_text(repository_plan_json(proposed) if output_format is PlanFormat.JSON else repository_plan_markdown(proposed), output)
    return 0
