"""`platformkit rules`: the rule book at the command line."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import ListFormat, check_output, progress_line, write_text
from platformkit_pipeline.cli.signals import raised_once
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.operations.self_test import SelfTest

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
    """List the rules, explain one, or put them to the test.

    \b
    Examples:
      platformkit rules
      platformkit rules list --select RLS --format json
      platformkit rules explain RLS001
      platformkit rules self-test --select RLS
    """
    if context.invoked_subcommand is None:
        list_rules(select, output_format, output)


@app.command("list")
def list_rules(select: list[str] | None = _SELECT, output_format: ListFormat = _FORMAT, output: Path | None = _OUTPUT) -> None:
    """List code, severity, clause, what it is judged from, and title of every rule."""
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.reporting.rule_book import rules_json
    from platformkit_pipeline.rules.registry import select_rules

    check_output(output)
    chosen = select_rules(_codes(select))
    if output_format is ListFormat.JSON:
        write_text(rules_json(chosen), output)
    else:
        rows = [(rule.code, rule.severity.value, rule.clause, rule.source.value, rule.name, rule.title) for rule in chosen]
        print_rows(("code", "severity", "clause", "source", "name", "title"), rows, output)


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


@app.command("self-test")
def run_self_test(select: list[str] | None = _SELECT, output_format: ListFormat = _FORMAT, output: Path | None = _OUTPUT) -> int:
    """Run the examples of every rule on a throw-away PostgreSQL: only its own rule may fire.

    The violating example must make its rule fail, and no other rule of the book; after the clean one nothing may fire. Needs
    no settings and no server: the one it starts is gone afterwards. PLATFORMKIT_PG_BINDIR chooses another PostgreSQL.

    \b
    Exit codes: 0 every rule does what it says; 1 some do not; 2 no server could be started.
    """
    from platformkit_pipeline.operations.self_test import self_test
    from platformkit_pipeline.rules.registry import select_rules

    check_output(output)
    chosen = select_rules(_codes(select))
    with raised_once(KeyboardInterrupt), progress_line() as progress:
        outcome = self_test(chosen, progress)
    write_text(_self_test_json(outcome) if output_format is ListFormat.JSON else _self_test_text(outcome), output)
    return 1 if outcome.failed else 0


def _codes(select: list[str] | None) -> list[str]:
    return [code.strip() for value in select or () for code in value.split(",") if code.strip()]


def _self_test_json(outcome: SelfTest) -> str:
    document = {
        "schema_version": 1,
        "server": {"version": outcome.server_version, "source": outcome.server_source} if outcome.server_version else None,
        "rules": [{"code": r.code, "name": r.name, "ok": r.passed, "complaints": list(r.complaints)} for r in outcome.rules],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _self_test_text(outcome: SelfTest) -> str:
    from platformkit_pipeline.cli.scan_table import printable

    width = max(len(r.code) for r in outcome.rules)
    lines = []
    for rule in outcome.rules:
        lines.append(f"{'ok' if rule.passed else 'FAIL':<4}  {rule.code:<{width}}  {rule.name}")
        lines += [f"{'':<{width + 8}}{printable(complaint)}" for complaint in rule.complaints]
    verdict = f"{len(outcome.failed)} of them not as they say" if outcome.failed else "all as they say"
    server = f"; PostgreSQL {outcome.server_version} ({outcome.server_source})" if outcome.server_version else ""
    lines.append(f"{len(outcome.rules)} rules, {verdict}{server}")
    return "\n".join(lines) + "\n"
