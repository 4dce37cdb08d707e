"""`platformkit docs`: documents that are generated, from code or from a drawing, and whether they still show what they were made from."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import check_output, warn, write_text
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None)

RULES_FILE = Path("docs/rules.md")
"""Where the rule book lies, relative to the root of a checkout."""
_MOST_LINES_SHOWN = 20

_CHECK = typer.Option(False, "--check", help="Write nothing; say whether the file is what would be written.")


@app.callback(invoke_without_command=True)
def docs(context: typer.Context, check: bool = _CHECK) -> int:
    """Write the documents that are generated, or check them.

    \b
    Examples:
      platformkit docs --check
      platformkit docs rules --output docs/rules.md
      platformkit docs diagrams docs/architecture

    \b
    Exit codes: 0 done, or nothing differs; 1 a document differs; 2 it cannot be read or written.
    """
    if context.invoked_subcommand is not None:
        return 0
    if not check:
        raise ConfigurationError("say which document: `platformkit docs rules`; or --check for all of them, from the root of a checkout")
    return _checked(RULES_FILE)


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


def _rule_book() -> str:
    from platformkit_pipeline.reporting.rule_book import rules_markdown
    from platformkit_pipeline.rules.registry import all_rules

    return rules_markdown(all_rules())


def _checked(path: Path) -> int:
    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from None
    wanted = _rule_book()
    if found == wanted:
        return 0
    difference = list(unified_diff(found.splitlines(), wanted.splitlines(), str(path), "generated", n=0, lineterm=""))
    write_text("\n".join(difference[:_MOST_LINES_SHOWN]) + "\n", None)
    warn(f"{path} is not what the rules say; `platformkit docs rules --output {path}` writes it anew")
    return 1
