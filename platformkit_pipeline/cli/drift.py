"""`platformkit drift`: compare what the migrations make with what is live."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import check_output, progress_line, render, write_text
from platformkit_pipeline.cli.scan import EXIT_FINDINGS, FailOn, exit_code_of
from platformkit_pipeline.cli.subject import (
    DsnEnvOption,
    DsnOption,
    EnvironmentOption,
    NameOption,
    SettingsOption,
    SubjectOptions,
    TargetOption,
)
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.drift import Regression
    from platformkit_pipeline.model.migration_history import DriftReport
    from platformkit_pipeline.model.snapshot import Snapshot
    from platformkit_pipeline.model.target import Target
    from platformkit_pipeline.operations.replay_migrations import ReplayOptions

app = typer.Typer(add_completion=False, rich_markup_mode=None)

LONGEST_SECONDS = 900.0


class DriftFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"


class GrantsOption(StrEnum):
    """What the platform granted on new objects while the migrations were written."""

    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"
    BY_DATE = "by-date"


@app.command()
def drift(
    *,
    dsn: DsnOption = None,
    dsn_env: DsnEnvOption = None,
    target: TargetOption = None,
    settings: SettingsOption = None,
    name: NameOption = None,
    environment: EnvironmentOption = None,
    migrations: Path | None = typer.Option(
        None,
        "--migrations",
        metavar="DIR",
        help="Folder of the migrations; default that of the target's repository, else ./supabase/migrations.",
    ),
    only_applied: bool = typer.Option(False, "--only-applied", help="Leave out files that the project has not applied yet."),
    since_last_scan: bool = typer.Option(
        False, "--since-last-scan", help="Also name protections lost since the scans that the control plane stored; needs --target."
    ),
    grants: GrantsOption = typer.Option(
        GrantsOption.BY_DATE, "--grants", help="What the platform granted on new objects; by-date: as project and versions tell."
    ),
    timeout: float = typer.Option(LONGEST_SECONDS, "--timeout", min=1, metavar="SECONDS", help="How long all files together may take."),
    fail_on: FailOn = typer.Option(FailOn.HIGH, "--fail-on", help="Least severity that makes the exit code 1 (or 3, if unknown)."),
    output_format: DriftFormat = typer.Option(DriftFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the report to a file instead of stdout."),
) -> int:
    """Compare what the migrations make with what is live.

    Applies the migrations to an empty project on a private server, reads the live catalogue in one read-only transaction, and
    compares the two object by object: grants, policies, options, comments and all. Nothing is changed.

    \b
    Examples:
      platformkit drift --target shop-production
      platformkit drift --dsn-env DATABASE_URL --migrations supabase/migrations --format markdown
      platformkit drift --target shop-production --only-applied --format json --output drift.json

    \b
    Exit codes: 0 no drift; 1 drift, or the migrations do not replay; 2 wrong input; 3 it cannot be told.
    """
    from platformkit_pipeline.operations.check_drift import check_drift

    check_output(output)
    subject = SubjectOptions(dsn, dsn_env, target, settings, name, environment, None, None, None, None, None).resolve()
    folder = migrations or _folder_of(target, settings)
    if since_last_scan and target is None:
        raise ConfigurationError("--since-last-scan needs --target: the control plane knows targets by their names")
    before = _known_history(subject.target) if since_last_scan else None
    with progress_line() as show:
        report = check_drift(
            subject.dsn,
            target=subject.target,
            folder=folder,
            options=replay_options(grants, timeout),
            only_applied=only_applied,
            before=before,
            progress=show,
        )
    write_text(rendered(report, output_format, to_file=output is not None), output)
    if report.history.regressions and fail_on is not FailOn.NONE:
        return EXIT_FINDINGS
    return exit_code_of(report.findings, fail_on)


def replay_options(grants: GrantsOption, timeout: float) -> ReplayOptions:
    from platformkit_pipeline.operations.replay_migrations import Grants, ReplayOptions
    from platformkit_pipeline.sandbox.replay.limits import Limits

    return ReplayOptions(Grants(grants.value), Limits(total_seconds=timeout))


def rendered(report: DriftReport, output_format: DriftFormat, *, to_file: bool) -> str:
    match output_format:
        case DriftFormat.TABLE:
            from platformkit_pipeline.cli.drift_table import drift_table

            return render(drift_table(report), plain=to_file)
        case DriftFormat.JSON:
            from platformkit_pipeline.reporting.drift import drift_json

            return drift_json(report)
        case DriftFormat.MARKDOWN:
            from platformkit_pipeline.reporting.drift import drift_markdown

            return drift_markdown(report)
        case DriftFormat.SARIF:
            from platformkit_pipeline.operations.check_drift import history_rules
            from platformkit_pipeline.reporting.drift_sarif import drift_sarif

            return drift_sarif(report, history_rules())


def _known_history(target: Target) -> tuple[Snapshot, tuple[Regression, ...]]:
    from platformkit_pipeline.control_plane.connection import session
    from platformkit_pipeline.control_plane.migrations import require_current
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.operations.local_platform import control_plane_logins
    from platformkit_pipeline.operations.regressions import known_history

    with control_plane_logins(home_directory()) as logins, session(logins.pipeline) as connection:
        require_current(connection)
        return known_history(connection, target)


def _folder_of(target: str | None, settings: Path | None) -> Path:
    from platformkit_pipeline.operations.check_drift import MIGRATIONS, migrations_folder

    if target is not None:
        from platformkit_pipeline.operations.read_settings import find_project, read_settings, settings_path

        file = settings_path(settings)
        read = read_settings(file)
        folder = migrations_folder(read, file, find_project(read, target))
        if folder is not None:
            return folder
    if not MIGRATIONS.is_dir():
        raise ConfigurationError(f"there is no folder {MIGRATIONS}; say with --migrations DIR where the migrations are")
    return MIGRATIONS
