"""`platformkit exceptions`: documents that excuse violations for a time (clause 10.1), as the control plane has them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_session, settings_of
from platformkit_pipeline.cli.output import ListFormat, write_text

if TYPE_CHECKING:
    from platformkit_pipeline.operations.list_exceptions import ListedException

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=False)

EXIT_NOT_OBSERVED = 3

_FORMAT = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer.")


@app.callback(invoke_without_command=True)
def exceptions(context: typer.Context) -> None:
    """List the exceptions on record, or bring them in line with what was last observed.

    PLATFORMKIT_DATABASE_URL names the control plane; without it the local server of `platformkit up` is meant.

    \b
    Examples:
      platformkit exceptions list
      platformkit exceptions list --all --format json
      platformkit exceptions sync
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_(
    everything: bool = typer.Option(False, "--all", help="Documents that are gone as well."),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> None:
    """Every document, whether it is in force today, what it covers, and what is at fault with it."""
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.operations.list_exceptions import list_exceptions

    today = datetime.now(UTC).date()
    with control_plane_session(demo=demo) as connection:
        listed = [item for item in list_exceptions(connection, today) if everything or item.row.removed_at is None]
    if output_format is ListFormat.JSON:
        _print_json({"exceptions": [_document(item) for item in listed]})
        return
    rows = [
        (
            item.repository,
            item.row.entry.path,
            item.state.value,
            _day(item.row.entry.expires_on) or "-",
            ", ".join(item.row.entry.rules) or "-",
            ", ".join(item.covers) or "-",
            "; ".join(item.row.entry.faults) or "-",
        )
        for item in listed
    ]
    print_rows(("repository", "document", "state", "until", "rules", "covers", "at fault"), rows)


@app.command("sync")
def sync(
    settings: Path | None = typer.Option(
        None, "--settings", metavar="FILE", help="Settings to read; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."
    ),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> int:
    """Record the documents of the latest stored scan of every repository; tell owners of what ends within a week, or has lapsed.

    A working tree is never read. The same again changes nothing.

    Exit codes: 0 done; 3 a repository was not observed, so its exceptions stay as they were.
    """
    from platformkit_pipeline.operations.read_settings import read_settings
    from platformkit_pipeline.operations.sync_exceptions import sync_exceptions

    listed = read_settings(settings_of(settings, demo=demo))
    with control_plane_session(demo=demo) as connection:
        night = sync_exceptions(connection, listed, datetime.now(UTC))
    if output_format is ListFormat.JSON:
        changes = {
            name: {"recorded": list(c.recorded), "changed": list(c.changed), "removed": list(c.removed)}
            for name, c in night.changes.items()
        }
        _print_json({"changes": changes, "unread": dict(night.unread), "told": night.told, "settled": night.settled})
    else:
        lines = [
            f"{word}  {name}: {path}"
            for name, c in night.changes.items()
            for word, paths in (("recorded", c.recorded), ("changed ", c.changed), ("removed ", c.removed))
            for path in paths
        ]
        lines += [f"left as it was  {name}: {why}" for name, why in night.unread.items()]
        write_text("\n".join(lines or ["nothing to change"]) + "\n", None)
    return EXIT_NOT_OBSERVED if night.unread else 0


def _document(item: ListedException) -> dict[str, Any]:
    entry = item.row.entry
    return {
        "repository": item.repository,
        "path": entry.path,
        "title": entry.title,
        "state": item.state.value,
        "rules": list(entry.rules),
        "objects": list(entry.objects),
        "covers": list(item.covers),
        "approved_on": _day(entry.approved_on),
        "expires_on": _day(entry.expires_on),
        "security_owner": entry.security.name,
        "architect": entry.architect.name,
        "faults": list(entry.faults),
        "commit": item.row.commit,
        "removed_at": item.row.removed_at.isoformat() if item.row.removed_at else None,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _print_json(document: dict[str, object]) -> None:
    write_text(json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2) + "\n", None)
