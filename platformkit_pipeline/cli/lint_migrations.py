"""`platformkit lint-migrations`: judge a folder of migrations and say yes, no, or ask a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import check_output, progress, render, write_text
from platformkit_pipeline.cli.scan import EXIT_FINDINGS, EXIT_NOT_OBSERVED, FailOn, ScanFormat
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.lint import LintReport
    from platformkit_pipeline.rules.registry import Rule

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_OLDEST, _NEWEST = 12, 18


@app.command()
def lint_migrations(
    *,
    folder: Path | None = typer.Argument(None, metavar="DIR", help="Folder of the migrations; ./supabase/migrations unless named."),
    base: str | None = typer.Option(None, "--base", metavar="REF", help="Judge only what is new or edited since the merge base with REF."),
    pg_version: int = typer.Option(15, "--pg-version", min=_OLDEST, max=_NEWEST, help="Major version that the project runs."),
    exposed_schema: list[str] | None = typer.Option(
        None, "--exposed-schema", metavar="SCHEMA", help="Schema that the Data API serves; public unless named. Repeatable."
    ),
    select: list[str] | None = typer.Option(
        None, "--select", metavar="CODES", help="Only rules whose code begins so, e.g. MIG1,MIG020. Repeatable."
    ),
    ignore: list[str] | None = typer.Option(
        None, "--ignore", metavar="CODES", help="Leave out rules whose code begins so; the report says which. Repeatable."
    ),
    fail_on: FailOn = typer.Option(FailOn.HIGH, "--fail-on", help="Least severity that rejects (or leaves the answer open, if unknown)."),
    approved_by: str | None = typer.Option(None, "--approved-by", metavar="NAME", help="Who approved the breaking changes; is reported."),
    output_format: ScanFormat = typer.Option(ScanFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the report to a file instead of stdout."),
) -> int:
    """Judge migrations before anybody applies them.

    Reads the files as the Supabase CLI would run them, asks squawk with every inline suppression switched off, and adds rules
    about data, rollbacks, grants, policies and row level security. Nothing is run, no server is needed. With --base only what
    a branch adds or edits is judged, and an edit of a merged migration is a finding of its own.

    \b
    Examples:
      platformkit lint-migrations
      platformkit lint-migrations --base origin/main --format markdown >> "$GITHUB_STEP_SUMMARY"
      platformkit lint-migrations --base origin/main --format sarif --output migrations.sarif
      platformkit lint-migrations db/migrations --pg-version 17 --fail-on critical
      platformkit lint-migrations --base origin/main --approved-by jane@example.com

    \b
    Exit codes: 0 approved; 1 rejected, or a breaking change needs manual approval (the report says which);
    2 wrong input; 3 cannot tell: something that decides could not be judged.
    """
    from platformkit_pipeline.model.lint import LintDecision
    from platformkit_pipeline.model.result import Severity
    from platformkit_pipeline.operations.lint_migrations import LintOptions, find_folder
    from platformkit_pipeline.operations.lint_migrations import lint_migrations as judged

    check_output(output)
    rules = _chosen_rules(select, ignore)
    if approved_by is not None and not approved_by.strip():
        raise ConfigurationError("--approved-by expects the name of a person")
    options = LintOptions(
        base=base,
        server_major=pg_version,
        exposed_schemas=tuple(exposed_schema or ("public",)),
        fail_on=None if fail_on is FailOn.NONE else Severity(fail_on.value),
        approved_by=approved_by.strip() if approved_by else None,
    )
    place = find_folder(folder)
    with progress(f"reading {place} ..."):
        report = judged(place, options, rules)
    write_text(_rendered(report, rules, output_format, to_file=output is not None), output)
    match report.decision:
        case LintDecision.APPROVED:
            return 0
        case LintDecision.CANNOT_TELL:
            return EXIT_NOT_OBSERVED
        case _:
            return EXIT_FINDINGS


def _chosen_rules(select: list[str] | None, ignore: list[str] | None) -> tuple[Rule, ...]:
    """Raises ConfigurationError for a choice that leaves nothing to judge by."""
    from platformkit_pipeline.cli.scan import codes_of
    from platformkit_pipeline.rules.registry import Source, select_rules

    chosen = select_rules(codes_of(select, "--select"), codes_of(ignore, "--ignore"))
    rules = tuple(rule for rule in chosen if rule.source is Source.FILES)
    if not rules:
        raise ConfigurationError("--select and --ignore leave no rule that judges migrations")
    return rules


def _rendered(report: LintReport, rules: tuple[Rule, ...], output_format: ScanFormat, *, to_file: bool) -> str:
    from platformkit_pipeline.reporting import lint

    match output_format:
        case ScanFormat.TABLE:
            from platformkit_pipeline.cli.lint_table import LintTable

            return render(LintTable(report), plain=to_file)
        case ScanFormat.JSON:
            return lint.lint_json(report)
        case ScanFormat.SARIF:
            return lint.lint_sarif(report, rules)
        case ScanFormat.JUNIT:
            return lint.lint_junit(report)
        case ScanFormat.MARKDOWN:
            return lint.lint_markdown(report)
