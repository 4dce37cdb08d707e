"""`platformkit docs`: documents that are generated, from code or from a drawing, and whether they still show what they were made from."""

from __future__ import annotations

from difflib import unified_diff
from enum import StrEnum
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import check_output, warn, write_text
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None)

RULES_FILE = Path("docs/rules.md")
"""Where the rule book lies, relative to the root of a checkout."""
CONSTITUTION_FILE = Path("docs/constitution.md")
"""Where the table of clauses and what keeps them lies."""
SCHEMAS_FOLDER = Path("docs/contracts")
"""Where the JSON Schemas of contract files lie."""
_MOST_LINES_SHOWN = 20


class BookFormat(StrEnum):
    """Forms of the table of clauses."""

    MARKDOWN = "markdown"
    JSON = "json"


_CHECK = typer.Option(False, "--check", help="Write nothing; say whether the file is what would be written.")


@app.callback(invoke_without_command=True)
def docs(context: typer.Context, check: bool = _CHECK) -> int:
    """Write the documents that are generated from the code, or check them.

    \b
    Examples:
      platformkit docs --check
      platformkit docs rules --output docs/rules.md
      platformkit docs constitution --output docs/constitution.md
      platformkit docs contracts
      platformkit docs diagrams docs/architecture
      platformkit docs release-notes 1.2.0 --output notes.md

    \b
    Exit codes: 0 done, or nothing differs; 1 a document differs; 2 it cannot be read or written.
    """
    if context.invoked_subcommand is not None:
        return 0
    if not check:
        raise ConfigurationError("say which document: `platformkit docs rules`; or --check for all of them, from the root of a checkout")
    return max(_checked(RULES_FILE), _constitution_checked(CONSTITUTION_FILE), _schemas_checked(SCHEMAS_FOLDER))


@app.command("contracts")
def contracts(
    output: Path = typer.Option(SCHEMAS_FOLDER, "--output", metavar="FOLDER", help="Where they are written, or checked."),
    check: bool = _CHECK,
) -> int:
    """Write the JSON Schemas of contract files, one file per kind of contract, and print their paths.

    \b
    Exit codes: 0 written, or nothing differs; 1 a schema differs; 2 it cannot be read or written.
    """
    from platformkit_pipeline.parity.contract_schemas import contract_schemas

    if check:
        return _schemas_checked(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{output}: cannot be made: {error.strerror}") from None
    schemas = [(output / name, text) for name, text in contract_schemas()]
    for path, text in schemas:
        check_output(path)
        write_text(text, path)
    write_text("".join(f"{path}\n" for path, _ in schemas), None)
    return 0


@app.command("rules")
def rules(
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout, or check that file."),
    check: bool = _CHECK,
) -> int:
    """Write the rule book in Markdown, one section per rule."""
    if check:
        return _checked(output or RULES_FILE)
    check_output(output)
    write_text(_rule_book(), output)
    return 0


@app.command("constitution")
def constitution(
    output_format: BookFormat = typer.Option(BookFormat.MARKDOWN, "--format", help="Form of the document."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout, or check that file."),
    check: bool = _CHECK,
) -> int:
    """Write what keeps each clause of the constitution: its rules, where they are tried, and what mends a violation.

    Clauses that no rule judges are listed with what keeps them instead.

    \b
    Exit codes: 0 written, or nothing differs; 1 the file differs; 2 it cannot be read or written.
    """
    if check:
        if output_format is not BookFormat.MARKDOWN:
            raise ConfigurationError("--check compares the Markdown; leave --format out")
        return _constitution_checked(output or CONSTITUTION_FILE)
    check_output(output)
    write_text(_constitution(output_format), output)
    return 0


@app.command("diagrams")
def diagrams(
    paths: list[Path] | None = typer.Argument(None, metavar="[PATH]...", help="Folders or .drawio files; default the working directory."),
    check: bool = typer.Option(False, "--check", help="Write nothing; say which pictures do not show their diagram. Needs no browser."),
    force: bool = typer.Option(False, "--force", help="Draw also what is current, with the fonts of this machine."),
) -> int:
    """Draw each .drawio file as a PNG beside it that carries its source.

    Only pictures that are missing or show another source are drawn, with Chromium from PATH or PLATFORMKIT_CHROMIUM. The same source
    gives the same bytes on the same machine; since fonts differ, --check compares the sources in the pictures, never pixels.

    \b
    Exit codes: 0 done, or nothing differs; 1 a picture is missing or shows something else;
    2 wrong input, something that cannot be drawn, or no browser: nothing written; 3 a picture cannot be compared.
    """
    from platformkit_pipeline.operations.render_diagrams import check_diagrams, render_diagrams

    where = paths or [Path()]
    if not check:
        done = render_diagrams(where, force=force)
        write_text("".join(f"{path}\n" for path in done.written), None)
        return 0
    findings = check_diagrams(where)
    write_text("".join(f"{finding.rule} {finding.outcome}: {finding.message}\n" for finding in findings), None)
    if findings:
        warn("`platformkit docs diagrams` draws what is missing or out of date")
    if any(finding.outcome is Outcome.FAIL for finding in findings):
        return 1
    return 3 if findings else 0


@app.command("release-notes")
def release_notes(
    version: str | None = typer.Argument(
        None, metavar="[VERSION]", help="A version of the changelog, or `unreleased`; the latest release unless named."
    ),
    *,
    repo: Path = typer.Option(Path(), "--repo", metavar="PATH", help="A git repository, checked out or bare; default here."),
    next_version: bool = typer.Option(False, "--next-version", help="Print the least version that the unreleased entries call for."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout."),
) -> int:
    """Write the release notes of a version, from the changelog as it was last committed.

    \b
    Examples:
      platformkit docs release-notes
      platformkit docs release-notes v1.2.0 --output notes.md
      platformkit docs release-notes --next-version

    \b
    Exit codes: 0 written; 2 there is no such version, no changelog, or nothing unreleased.
    """
    from platformkit_pipeline.operations import release_notes as notes

    if next_version and version is not None:
        raise ConfigurationError("--next-version is about the unreleased entries; leave the version out")
    check_output(output)
    changelog = notes.committed_changelog(repo)
    write_text(f"{notes.next_version_of(changelog)}\n" if next_version else notes.release_notes(changelog, version), output)
    return 0


@app.command("enterprise-readme")
def enterprise_readme(
    *,
    template: Path | None = typer.Option(
        None, "--template", metavar="FILE", help="A Jinja template of your own; default the one that ships."
    ),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout, or check that file."),
    check: bool = _CHECK,
) -> int:
    """Write the README of the organisation from the inventories in the control plane (PLATFORMKIT_DATABASE_URL).

    \b
    Exit codes: 0 written, or nothing differs; 1 the file differs; 2 a template that cannot be rendered;
    3 the control plane cannot be used.
    """
    from platformkit_pipeline.operations.enterprise_readme import render_enterprise_readme

    if check and output is None:
        raise ConfigurationError("--check needs --output: the README to compare with")
    check_output(output)
    text = render_enterprise_readme(template)
    if check and output is not None:
        return _compared(output, text, f"platformkit docs enterprise-readme --output {output}")
    write_text(text, output)
    return 0


def _constitution(output_format: BookFormat = BookFormat.MARKDOWN) -> str:
    from platformkit_pipeline.reporting.constitution_book import constitution_json, constitution_markdown
    from platformkit_pipeline.rules.registry import all_rules

    return (constitution_json if output_format is BookFormat.JSON else constitution_markdown)(all_rules())


def _constitution_checked(path: Path) -> int:
    return _compared(path, _constitution(), f"platformkit docs constitution --output {path}")


def _rule_book() -> str:
    from platformkit_pipeline.reporting.rule_book import rules_markdown
    from platformkit_pipeline.rules.registry import all_rules

    return rules_markdown(all_rules())


def _checked(path: Path) -> int:
    return _compared(path, _rule_book(), f"platformkit docs rules --output {path}")


def _schemas_checked(folder: Path) -> int:
    from platformkit_pipeline.parity.contract_schemas import contract_schemas

    command = f"platformkit docs contracts --output {folder}"
    return max((_compared(folder / name, text, command) for name, text in contract_schemas()), default=0)


def _compared(path: Path, wanted: str, command: str) -> int:
    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from None
    if found == wanted:
        return 0
    difference = list(unified_diff(found.splitlines(), wanted.splitlines(), str(path), "generated", n=0, lineterm=""))
    write_text("\n".join(difference[:_MOST_LINES_SHOWN]) + "\n", None)
    warn(f"{path} is not what is generated; `{command}` writes it anew")
    return 1
