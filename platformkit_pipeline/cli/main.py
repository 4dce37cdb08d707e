"""The program `platformkit`: its list of commands, loaded only when one is called, and what becomes of every error."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "demo": "Run the whole road once on a local PostgreSQL.",
    "up": "Serve the web interface and the daemon on this machine.",
    "scan": "Judge one database by the rules; needs no settings.",
    "parity": "Hold contracts against a target, and score them.",
    "plan": "Say what would mend the findings, with proof.",
    "apply": "Make migrations of a proven plan, or apply it.",
    "new": "Start a repository, a project or a table.",
    "lint-migrations": "Judge migrations, or what a branch changes.",
    "drift": "Compare migrations with what is live.",
    "replay": "Apply migrations to an empty project.",
    "rules": "List the rules, explain one, put them to the test.",
    "docs": "Write or check the documents made from the code.",
    "connectors": "List connectors, test one, start one.",
    "targets": "List the targets of the settings.",
    "waivers": "Excuse a finding for a time, outside production.",
    "exceptions": "List exceptions on record, or sync them.",
    "gate": "Run a target on a serving instance; say yes or no.",
    "override": "Let a target through a gate that says no.",
    "review": "List, show and complete annual reviews.",
    "metrics": "Tell how the platform stands, also to Prometheus.",
    "report": "Make one page of how the fleet stands and went.",
    "db": "Migrate or inspect the control plane.",
    "doctor": "Check this installation; say what to do.",
}
"""Name and one line of help; the command itself is `app` in the module that `module_of` names."""


def module_of(name: str) -> str:
    """`lint-migrations` is in `platformkit_pipeline.cli.lint_migrations`."""
    return f"platformkit_pipeline.cli.{name.replace('-', '_')}"


class _DeferredCommand(TyperCommand):
    """Stands for a command in the list of commands; imports it when it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        module = import_module(module_of(str(self.name)))
        gc.freeze()  # what was loaded stays; from here on there may be garbage
        gc.enable()
        command = typer.main.get_command(module.app)
        command.name = self.name
        return command.make_context(info_name, args, parent=parent, **extra)


class _LazyGroup(TyperGroup):
    """The top of the program: knows names and one-liners of its commands, not the commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, help_line in COMMANDS.items():
            self.add_command(_DeferredCommand(name, help=help_line), name)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)


app = typer.Typer(
    cls=_LazyGroup,
    name="platformkit",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from platformkit_pipeline import __version__

        typer.echo(f"platformkit {__version__}")
        raise typer.Exit


@app.callback()
def platformkit(
    context: typer.Context,
    _version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."),
    log_level: str | None = typer.Option(
        None, "--log-level", metavar="LEVEL", help="DEBUG, INFO, WARN (default), ERROR or FATAL; logs are JSON lines on stderr."
    ),
) -> None:
    """Observe Supabase projects, judge them by a constitution, propose remediation.

    \b
    Examples:
      platformkit scan --dsn-env DATABASE_URL
      platformkit scan --target shop-production --format sarif --output scan.sarif
      platformkit rules explain RLS001
      platformkit doctor

    \b
    Exit codes: 0 fine; 1 findings at or above --fail-on, or the gate says no;
    2 wrong input or configuration, nothing changed; 3 not enough could be observed to answer.
    """
    from platformkit_pipeline.logs import configure_logging
    from platformkit_pipeline.model.errors import ConfigurationError

    try:
        configure_logging(log_level)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: list[str] | None = None) -> None:
    """Entry point of the console script: run one command and leave the process with its exit code."""
    gc.disable()  # nothing that is loaded at the start is garbage
    from platformkit_pipeline.cli.failures import exit_code_of, keep_interrupts

    keep_interrupts()
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(exit_code_of(lambda: app(args=given, prog_name="platformkit", standalone_mode=False), given))


if __name__ == "__main__":
    run()
