"""`platformkit rules`: the rule book at the command line."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import ListFormat, check_output, write_text
from platformkit_pipeline.model.errors import ConfigurationError

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_FORMAT = typer.Option(ListFormat.TABLE, "--format", help="Form of the list.")
_OUTPUT = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout.")
_SELECT = typer.Option(None, "--select", metavar="CODES", help="Only rules whose code begins so, e.g. RLS,FUN001. Repeatable.")


@app.callback(invoke_without_command=True)
def rules(
    context: typer.Context,
    select: list[str] | None = _SELECT,
    output_format: ListFormat = _FORMAT,
    output: Path | None = _OUTPUT,
) -> None:
    """List the rules, or explain one.

    \b
    Examples:
      platformkit rules
      platformkit rules list --select RLS --format json
      platformkit rules explain RLS001
    """
    if context.invoked_subcommand is None:
        list_rules(select, output_format, output)


@app.command("list")
def list_rules(select: list[str] | None = _SELECT, output_format: ListFormat = _FORMAT, output: Path | None = _OUTPUT) -> None:
    """List code, severity, clause and title of every rule."""
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.reporting.rule_book import rules_json
    from platformkit_pipeline.rules.registry import select_rules

    check_output(output)
    chosen = select_rules([code.strip() for value in select or () for code in value.split(",") if code.strip()])
    if output_format is ListFormat.JSON:
        write_text(rules_json(chosen), output)
    else:
        rows = [(rule.code, rule.severity.value, rule.clause, rule.name, rule.title) for rule in chosen]
        print_rows(("code", "severity", "clause", "name", "title"), rows, output)


@app.command("explain")
def explain(
    code: str = typer.Argument(..., metavar="CODE", help="Code or name of a rule, e.g. RLS001 or rls-disabled."),
    output_format: ListFormat = _FORMAT,
    output: Path | None = _OUTPUT,
) -> None:
    """Say what a rule asks for, why, and how to fix what it finds."""
    from platformkit_pipeline.reporting.rule_book import rule_json, rule_text
    from platformkit_pipeline.rules.registry import all_rules, find_rule

    check_output(output)
    rule = find_rule(code)
    if rule is None:
        near = get_close_matches(code.upper(), [r.code for r in all_rules()], n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "`platformkit rules` lists them all"
        raise ConfigurationError(f"no rule is called {code!r}; {hint}")
    write_text(rule_json(rule) if output_format is ListFormat.JSON else rule_text(rule), output)
