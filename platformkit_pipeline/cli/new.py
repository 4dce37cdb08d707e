"""`platformkit new`: migrations for a new project or a new table that keep the rules from the start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import write_text
from platformkit_pipeline.cli.subject import SettingsOption, TargetOption

if TYPE_CHECKING:
    from platformkit_pipeline.model.target import Declarations

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=False)

_DIR = typer.Option(Path(), "--dir", metavar="DIR", help="Checkout that has, or gets, the folder supabase/; default here.")


@app.callback(invoke_without_command=True)
def new(context: typer.Context) -> None:
    """Write the migrations of a new project or a new table, safe from the start.

    Files go to supabase/migrations/, the undo of each under the same name to supabase/rollbacks/. Nothing is run.
    Asking for the same thing again changes nothing; files are never overwritten.

    \b
    Examples:
      platformkit new project shop
      platformkit new table customers --column name:text:not_null
      platformkit new table invoices --references customers --column total:numeric(12,2):not_null --critical
      platformkit new table countries --column code:text:not_null --public-read "reference data without customers"

    \b
    Exit codes: 0 written, or nothing to do; 2 wrong input, or a file of that name with other content: nothing written.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("project")
def project(
    name: str = typer.Argument(..., metavar="NAME", help="What the project is called in the settings."),
    *,
    directory: Path = _DIR,
    target: TargetOption = None,
    settings: SettingsOption = None,
) -> None:
    """Write the secure baseline: closed default privileges, tenants, shared trigger functions, audit log.

    A platformkit.yaml is written where there is none. --target takes names of columns and claim from the settings.
    """
    from platformkit_pipeline.operations.new_project import new_project

    _tell(new_project(name, directory, _declarations(target, settings)))


@app.command("table")
def table(
    name: str = typer.Argument(..., metavar="NAME", help="Name of the table."),
    *,
    column: list[str] = typer.Option([], "--column", metavar="NAME:TYPE[:not_null]", help="A column of its own. Repeatable."),
    references: list[str] = typer.Option(
        [], "--references", metavar="TABLE[:COLUMN]", help="A table that each row refers to; auth.users for accounts. Repeatable."
    ),
    critical: bool = typer.Option(False, "--critical", help="Rows say who wrote them, and every change goes to the audit log."),
    schema: str = typer.Option("public", "--schema", metavar="SCHEMA", help="Schema of the table."),
    not_tenant_scoped: str | None = typer.Option(
        None, "--not-tenant-scoped", metavar="REASON", help="For the server side only, outside the tenant model, and why."
    ),
    public_read: str | None = typer.Option(None, "--public-read", metavar="REASON", help="Readable by everybody, and why."),
    directory: Path = _DIR,
    target: TargetOption = None,
    settings: SettingsOption = None,
) -> None:
    """Write a table of tenants' rows, or one that is declared to be something else.

    It has a key, the tenant column with foreign key and index, timestamps that are kept by a trigger, row level security
    with its policy, and explicit grants. References stay within the tenant. The folder must hold the baseline.
    """
    from platformkit_pipeline.operations.new_table import TableRequest, new_table

    request = TableRequest(
        name=name,
        schema=schema,
        columns=column,
        references=references,
        critical=critical,
        not_tenant_scoped=not_tenant_scoped,
        public_read=public_read,
    )
    _tell(new_table(request, directory, _declarations(target, settings)))


def _declarations(target: str | None, settings: Path | None) -> Declarations:
    from platformkit_pipeline.model.errors import ConfigurationError
    from platformkit_pipeline.model.target import Declarations

    if target is None:
        if settings is not None:
            raise ConfigurationError("--settings needs --target: the name of a project in it")
        return Declarations()
    from platformkit_pipeline.model.settings import declarations_of
    from platformkit_pipeline.operations.read_settings import find_project, read_settings, settings_path

    return declarations_of(find_project(read_settings(settings_path(settings)), target))


def _tell(written: tuple[Path, ...]) -> None:
    write_text("".join(f"wrote {path}\n" for path in written) or "nothing to do: the files are there, with this content\n", None)
