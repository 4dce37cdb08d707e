"""`platformkit targets`: what the settings list."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import ListFormat, check_output, write_text

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_SCHEMA_VERSION = 1


@app.command()
def targets(
    settings: Path | None = typer.Option(
        None, "--settings", metavar="FILE", help="Settings to read; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."
    ),
    output_format: ListFormat = typer.Option(ListFormat.TABLE, "--format", help="Form of the list."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout."),
) -> None:
    """List the targets of the settings and whether their variables are set.

    Reads files and environment only; no target is contacted and no value is shown.

    \b
    Examples:
      platformkit targets
      platformkit targets --settings fleet.yaml --format json
    """
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.operations.list_targets import list_targets
    from platformkit_pipeline.operations.read_settings import read_settings, settings_path

    check_output(output)
    listed = list_targets(read_settings(settings_path(settings)))
    if output_format is ListFormat.JSON:
        document = {
            "schema_version": _SCHEMA_VERSION,
            "targets": [
                {
                    "kind": item.target.kind.value,
                    "name": item.target.name,
                    "environment": item.target.environment.value,
                    "owners": list(item.target.owners),
                    "ready": item.ready,
                    "variables": [{"name": v.name, "purpose": v.purpose, "set": v.is_set, "required": v.required} for v in item.variables],
                }
                for item in listed
            ],
        }
        write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", output)
        return
    rows = [
        (
            item.target.kind.value,
            item.target.name,
            item.target.environment.value,
            ", ".join(item.target.owners) or "-",
            ", ".join(f"{v.name} ({'set' if v.is_set else 'NOT SET'})" for v in item.variables) or "-",
        )
        for item in listed
    ]
    print_rows(("kind", "name", "environment", "owners", "variables"), rows, output)
