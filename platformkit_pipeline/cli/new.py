"""`platformkit new`: a repository, or migrations for a project or a table, that keep the rules from the start."""

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
    """Write the files of a new repository, or the migrations of a new project or table, safe from the start.

    Migrations go to supabase/migrations/, the undo of each under the same name to supabase/rollbacks/. Nothing is run.
    Asking for the same thing again changes nothing; files are never overwritten.

    \b
    Examples:
      platformkit new repository shop/ --name shop --owner @acme/shop --with python,database
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


@app.command("repository")
def repository(
    directory: Path = typer.Argument(Path(), metavar="[DIR]", help="Folder of the repository; is made where it is missing."),
    *,
    name: str = typer.Option(..., "--name", metavar="NAME", help="What the repository is called."),
    owner: str | None = typer.Option(None, "--owner", metavar="@ORG/TEAM", help="Who reviews changes; without it there is no CODEOWNERS."),
    parts: list[str] = typer.Option(
        [], "--with", metavar="PARTS", help="python (default), node, database, connector, organisation-profile. Repeatable, or with commas."
    ),
    action_digests: Path | None = typer.Option(
        None, "--action-digests", metavar="FILE", help="YAML: for each action the commit to pin it to, and the release."
    ),
) -> None:
    """Write gates as workflows, hooks, owners, spec bundle, agent documents and a first package.

    What can only be known online is not made up: actions are pinned to zeros until --action-digests names their commits,
    and spec bundles are templates until somebody writes them. The output says what is left to do.
    """
    from platformkit_pipeline.operations.new_repository import new_repository, read_action_digests

    digests = read_action_digests(action_digests) if action_digests else {}
    done = new_repository(name, directory, owner=owner, parts=",".join(parts).split(","), digests=digests)
    lines = [f"wrote {path}" for path in done.written] + [f"pinned {path}" for path in done.pinned]
    lines = lines or ["nothing to do: the files are there, with this content"]
    lines += [f"to pin: {action} in {', '.join(paths)}" for action, paths in done.unpinned.items()]
    lines += [f"to do: run `supabase init` and `platformkit new project {name}` there"] if done.needs_database else []
    lines += ["to do: run `npm install` and commit package-lock.json"] if done.needs_lock else []
    lines += [] if done.has_owner else ["to do: name owners in .github/CODEOWNERS, or give --owner"]
    write_text("\n".join([*lines, f"to do: write spec/{name}/, which is a template"]) + "\n", None)


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
