"""`platformkit replay`: apply migrations to an empty project and say which one fails."""

from __future__ import annotations

from pathlib import Path

import typer

from platformkit_pipeline.cli.drift import LONGEST_SECONDS, DriftFormat, GrantsOption, rendered, replay_options
from platformkit_pipeline.cli.output import check_output, progress_line, write_text
from platformkit_pipeline.cli.scan import FailOn, exit_code_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def replay(
    folder: Path = typer.Argument(Path("supabase/migrations"), metavar="[DIR]", help="Folder of the migrations."),
    *,
    grants: GrantsOption = typer.Option(
        GrantsOption.BY_DATE, "--grants", help="What the platform granted on new objects; by-date: as the versions tell."
    ),
    timeout: float = typer.Option(LONGEST_SECONDS, "--timeout", min=1, metavar="SECONDS", help="How long all files together may take."),
    fail_on: FailOn = typer.Option(FailOn.HIGH, "--fail-on", help="Least severity that makes the exit code 1 (or 3, if unknown)."),
    output_format: DriftFormat = typer.Option(DriftFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the report to a file instead of stdout."),
) -> int:
    """Apply migrations to an empty project and say which one fails.

    Uses a private server that is thrown away. Files run in the order and by the rules of the Supabase CLI, as the role
    postgres, each in a transaction; the first that fails ends the replay.

    \b
    Examples:
      platformkit replay
      platformkit replay ../shop/supabase/migrations --format sarif --output replay.sarif

    \b
    Exit codes: 0 all files apply; 1 one fails; 2 wrong input; 3 it cannot be told, because the private server lacks something.
    """
    from platformkit_pipeline.model.target import Target, TargetKind
    from platformkit_pipeline.operations.check_drift import judged
    from platformkit_pipeline.operations.replay_migrations import replay_migrations

    check_output(output)
    with progress_line() as show:
        history = replay_migrations(folder, replay_options(grants, timeout), show)
    report = judged(Target(TargetKind.REPOSITORY, str(folder)), history)
    write_text(rendered(report, output_format, to_file=output is not None), output)
    return exit_code_of(report.findings, fail_on)
