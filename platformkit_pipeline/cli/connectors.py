"""`platformkit connectors`: which there are, whether one is fit for service, and a new one to start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from platformkit_pipeline.cli.connector_delivery import dead_letters_app, relay
from platformkit_pipeline.cli.output import ListFormat, check_output, progress_line, stdout_on_stderr, write_text
from platformkit_pipeline.cli.scan import EXIT_FINDINGS, EXIT_NOT_OBSERVED
from platformkit_pipeline.cli.subject import refuse_together
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.settings import Settings
    from platformkit_pipeline.operations.find_connector import ListedConnector
    from platformkit_pipeline.reporting.connector import Line

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=False)

_SCHEMA_VERSION = 1
_SETTINGS = typer.Option(None, "--settings", metavar="FILE", help="Settings; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml if any.")


class ConnectorFormat(StrEnum):
    """Formats of the report about one connector."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


@app.callback(invoke_without_command=True)
def connectors(context: typer.Context) -> None:
    """List connectors, put one to the test, start a new one, deliver events.

    \b
    Examples:
      platformkit connectors list
      platformkit connectors test shop-events
      platformkit connectors test acme_connectors.stripe:StripeConnector --option account=test --bench-only
      platformkit connectors new stripe
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_all(
    settings: Path | None = _SETTINGS,
    output_format: ListFormat = typer.Option(ListFormat.TABLE, "--format", help="Form of the list."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout."),
) -> None:
    """List the connectors of the settings and those that installed packages offer, and whether they can be registered.

    Those of the settings are constructed with their options, which contacts nobody.
    """
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.operations.find_connector import list_connectors

    check_output(output)
    with stdout_on_stderr():
        listed = list_connectors(_settings(settings))
    if output_format is ListFormat.JSON:
        document = {"schema_version": _SCHEMA_VERSION, "connectors": [_as_json(item) for item in listed]}
        write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", output)
        return
    rows = [
        (
            item.subject.name,
            item.subject.source,
            item.subject.class_path,
            _STATES[item.registered],
            ", ".join(item.capabilities) or "-",
            "; ".join(item.missing) or "-",
        )
        for item in listed
    ]
    print_rows(("name", "from", "class", "state", "capabilities", "missing"), rows, output)


@app.command("test")
def put_to_test(
    context: typer.Context,
    name: str = typer.Argument(..., metavar="NAME", help="Of the settings, of an entry point, or package.module:ClassName."),
    *,
    option: list[str] = typer.Option([], "--option", metavar="NAME=VALUE", help="Option of the connector, as JSON or text. Repeatable."),
    check: list[str] = typer.Option([], "--check", metavar="CHECK", help="Only these checks of the acceptance suite. Repeatable."),
    bench_only: bool = typer.Option(False, "--bench-only", help="Leave the real other side alone: registration and acceptance suite only."),
    live_only: bool = typer.Option(False, "--live-only", help="Registration and the connector's own contract tests only; no bench."),
    bench_env: str | None = typer.Option(
        None,
        "--bench-env",
        metavar="NAME",
        help="Variable with a server on which databases may be made; default PLATFORMKIT_BENCH_DATABASE_URL, else a server of its own.",
    ),
    settings: Path | None = _SETTINGS,
    output_format: ConnectorFormat = typer.Option(ConnectorFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout."),
) -> int:
    """Register a connector, put it through the acceptance suite, and run its own contract tests against the real other side.

    The suite works on a database of its own, which it drops, and on a local HTTP server; it takes some seconds.

    \b
    Exit codes: 0 everything passes; 1 something fails, or the connector is refused; 2 wrong input;
    3 something could not be tried, which is not the same as fine.
    """
    from platformkit_pipeline.connectors.observe import ACCEPTANCE, LIVE, observe_connector
    from platformkit_pipeline.model.result import Outcome
    from platformkit_pipeline.operations.find_connector import find_connector
    from platformkit_pipeline.reporting import connector as report

    check_output(output)
    _quieten(context)
    if live_only:
        refuse_together("--live-only", {"--bench-only": bench_only, "--check": check, "--bench-env": bench_env})
    subject = find_connector(name, _settings(settings), _options(option))
    with progress_line() as show, stdout_on_stderr():
        snapshot = observe_connector(
            subject.name,
            subject.class_path,
            subject.options,
            acceptance=not live_only,
            live=not bench_only,
            bench_dsn=_bench(bench_env),
            checks=check or None,
            progress=lambda step: show(f"{subject.name}: {step} ..."),
        )
    declined = frozenset({ACCEPTANCE} if live_only else {LIVE} if bench_only else ())
    lines = report.lines_of(snapshot, declined)
    match output_format:
        case ConnectorFormat.TABLE:
            _print(subject.name, lines, output)
        case ConnectorFormat.JSON:
            write_text(report.connector_json(snapshot, lines), output)
        case ConnectorFormat.JUNIT:
            write_text(report.connector_junit(snapshot, lines), output)
    return {Outcome.FAIL: EXIT_FINDINGS, Outcome.UNKNOWN: EXIT_NOT_OBSERVED}.get(report.verdict(lines), 0)


@app.command("new")
def start_new(
    name: str = typer.Argument(..., metavar="NAME", help="What the connector is called, as in stripe or acme-billing."),
    *,
    folder: Path | None = typer.Option(None, "--folder", metavar="DIR", help="Where to; default ./NAME-connector."),
) -> None:
    """Write a package with a connector that works as it stands, its contract tests, and the entry point that offers it.

    Its tests pass as generated; from there every change is judged by the acceptance suite. Files are never overwritten.
    """
    from platformkit_pipeline.operations.new_connector import new_connector

    written = new_connector(name, folder)
    write_text("".join(f"wrote {path}\n" for path in written) or "nothing to do: the files are there, with this content\n", None)


app.command("relay")(relay)
app.add_typer(dead_letters_app, name="dead-letters")

_STATES = {True: "registered", False: "REFUSED", None: "on offer"}


def _as_json(item: ListedConnector) -> dict[str, Any]:
    return {
        "name": item.subject.name,
        "source": item.subject.source,
        "class": item.subject.class_path,
        "state": _STATES[item.registered].lower(),
        "capabilities": list(item.capabilities),
        "missing": list(item.missing),
    }


def _print(name: str, lines: tuple[Line, ...], output: Path | None) -> None:
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.model.result import Outcome

    print_rows(("part", "outcome", "what", "why"), [(line.part, line.outcome, line.name, line.message or "-") for line in lines], output)
    if output is None:
        counts = {outcome: sum(line.outcome is outcome for line in lines) for outcome in Outcome}
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        write_text(f"\n{name}: {told}\n", None)


def _settings(option: Path | None) -> Settings | None:
    """The settings that are named, else those in their usual place, else none."""
    import os

    from platformkit_pipeline.operations.read_settings import SETTINGS_VARIABLE, read_settings, settings_path

    path = settings_path(option)
    named = option is not None or bool(os.environ.get(SETTINGS_VARIABLE))
    return read_settings(path) if named or path.exists() else None


def _quieten(context: typer.Context) -> None:
    """Deliveries that fail are what the suite makes happen: no warnings about them, unless somebody asked for logs."""
    import os

    from platformkit_pipeline.logs import configure_logging

    if context.find_root().params.get("log_level") is None and not os.environ.get("PLATFORMKIT_LOG_LEVEL"):
        configure_logging("ERROR")


def _options(given: list[str]) -> Mapping[str, Any]:
    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ConfigurationError("--option expects NAME=VALUE")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def _bench(variable: str | None) -> Any:
    """The server that a variable leads to. Raises ConfigurationError for a variable that is named and not set."""
    import os

    from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE
    from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment

    if variable is None and not os.environ.get(BENCH_VARIABLE, "").strip():
        return None
    return dsn_from_environment(variable or BENCH_VARIABLE)
