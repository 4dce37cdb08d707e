"""`platformkit doctor`: is everything there that the other commands need?"""

from __future__ import annotations

import json
from pathlib import Path

import typer

from platformkit_pipeline.cli.output import ListFormat, check_output, write_text

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def doctor(
    settings: Path | None = typer.Option(
        None, "--settings", metavar="FILE", help="Settings to check; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."
    ),
    output_format: ListFormat = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file instead of stdout."),
) -> int:
    """Check this installation and say what to do about each problem.

    Looks at Python, PostgreSQL binaries, the home directory, the settings and their variables, the control plane and
    the storage of Dagster. Changes nothing.

    \b
    Exit codes: 0 nothing is broken (there may be warnings); 2 something is configured wrongly;
    3 something cannot be reached.
    """
    from platformkit_pipeline.operations.check_installation import check_installation, exit_code

    check_output(output)
    diagnoses = check_installation(settings)
    if output_format is ListFormat.JSON:
        checks = [{"part": d.part, "state": d.state.value, "message": d.message, "advice": d.advice} for d in diagnoses]
        write_text(json.dumps({"schema_version": 1, "checks": checks}, ensure_ascii=False, indent=2) + "\n", output)
    else:
        width = max(len(d.part) for d in diagnoses)
        lines: list[str] = []
        for d in diagnoses:
            indent = " " * (width + 7)
            lines.append(f"{d.state.value:<4} {d.part:<{width}}  " + d.message.replace("\n", f"\n{indent}"))
            if d.advice:
                lines.append(f"{indent}-> {d.advice}")
        write_text("\n".join(lines) + "\n", output)
    return exit_code(diagnoses)
