"""`platformkit db`: migrations and audit log of the control plane."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_of, control_plane_session
from platformkit_pipeline.cli.output import ListFormat, write_text

if TYPE_CHECKING:
    pass

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=False)

_HASH = re.compile(r"[0-9a-fA-F]{64}")
EXIT_BROKEN = 1
EXIT_NOT_CURRENT = 3

_FORMAT = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer.")


@app.callback(invoke_without_command=True)
def db(context: typer.Context) -> None:
    """Migrate the control plane, show its state, verify its audit log and its gate decisions.

    PLATFORMKIT_DATABASE_URL names the database, with the login of the pipeline; PLATFORMKIT_ADMIN_DATABASE_URL
    the login that migrates, where that is another one. Without them the local server of `platformkit up` is meant.

    \b
    Examples:
      platformkit db status
      platformkit db verify-audit --demo
      platformkit db migrate
      platformkit db verify-audit --anchor 9f2c...
      platformkit db verify-decisions --since 2026-01-01
      platformkit db verify-audit --anchors .platformkit/audit-anchors.jsonl
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("migrate")
def migrate(output_format: ListFormat = _FORMAT, demo: bool = DEMO) -> None:
    """Apply pending migrations. Safe to run again, and from several places at once."""
    from platformkit_pipeline.control_plane import migrations

    with control_plane_of(demo=demo) as logins:
        applied = migrations.migrate(logins.admin)
    if output_format is ListFormat.JSON:
        _print_json({"applied": [line.name for line in applied]})
        return
    lines = [f"applied {line.name} in {line.duration_seconds:.2f} s" for line in applied]
    write_text("\n".join(lines or ["nothing to apply"]) + "\n", None)


@app.command("status")
def status(output_format: ListFormat = _FORMAT, demo: bool = DEMO) -> int:
    """Compare the database with the migrations of this version.

    Exit codes: 0 current; 3 migrations are pending, or the database does not fit this version.
    """
    from platformkit_pipeline.control_plane import migrations

    with control_plane_of(demo=demo) as logins:
        found = migrations.status(logins.admin)
    if output_format is ListFormat.JSON:
        _print_json(
            {
                "current": found.current,
                "applied": [line.name for line in found.applied],
                "pending": list(found.pending),
                "problems": list(found.problems),
            }
        )
    else:
        lines = [f"applied  {line.name}" for line in found.applied]
        lines += [f"pending  {name}" for name in found.pending]
        lines += [f"problem  {sentence}" for sentence in found.problems]
        lines.append("current" if found.current else "not current; `platformkit db migrate` applies what is pending")
        write_text("\n".join(lines) + "\n", None)
    return 0 if found.current else EXIT_NOT_CURRENT


@app.command("verify-audit")
def verify_audit(
    anchor: str | None = typer.Option(None, "--anchor", metavar="HASH", help="Head hash noted earlier; it must still be in the chain."),
    anchors: Path | None = typer.Option(
        None, "--anchors", metavar="FILE", help="Anchors that nights noted, such as audit-anchors.jsonl of PLATFORMKIT_HOME."
    ),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> int:
    """Recompute the hash chain of the audit log.

    Note the head hash outside the database: whoever can rewrite the whole log is found by --anchor or --anchors only.

    Exit codes: 0 unbroken; 1 broken; 2 --anchor is no hash, or there are no anchors in the file; 3 the log could not be read.
    """
    from platformkit_pipeline.model.errors import ConfigurationError
    from platformkit_pipeline.operations.anchor_audit import AnchorFile, audit_facts, read_anchors

    if anchor is not None and not _HASH.fullmatch(anchor):
        raise ConfigurationError("--anchor: a head hash is 64 hex digits, as `platformkit db verify-audit` prints them")
    noted = read_anchors(anchors, must_exist=True) if anchors is not None else AnchorFile()
    with control_plane_session(demo=demo) as connection:
        found = audit_facts(connection, noted, anchor=anchor)
        problems = (*found.problems, *found.missing_anchors)
    if output_format is ListFormat.JSON:
        document = {"ok": not problems, "length": found.length, "head_hash": found.head_hash, "problems": list(problems)}
        _print_json({**document, **({"anchors": len(noted.anchors)} if anchors is not None else {})})
    else:
        lines = [f"problem  {sentence}" for sentence in problems]
        held = (
            f"; holds {len(noted.anchors)} anchor{'' if len(noted.anchors) == 1 else 's'}" if anchors is not None and not problems else ""
        )
        lines.append(f"{'BROKEN' if problems else 'unbroken'}: {found.length} rows, head {found.head_hash or 'unknown'}{held}")
        write_text("\n".join(lines) + "\n", None)
    return EXIT_BROKEN if problems else 0


@app.command("verify-decisions")
def verify_decisions(
    target: str | None = typer.Option(None, "--target", metavar="NAME", help="Only decisions about this target."),
    since: datetime | None = typer.Option(None, "--since", metavar="DAY", help="Only decisions since the beginning of this day, UTC."),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> int:
    """Decide every stored gate decision again from its stored inputs, and compare.

    Decisions whose inputs do not say enough, as those of earlier versions, are listed as not recomputable, not as equal.

    Exit codes: 0 none differs; 1 some do; 2 there never was such a target; 3 the decisions could not be read.
    """
    from platformkit_pipeline.cli.decision_list import decisions_json, decisions_lines
    from platformkit_pipeline.operations.verify_decisions import require_known
    from platformkit_pipeline.operations.verify_decisions import verify_decisions as verified

    with control_plane_session(demo=demo) as connection:
        if target is not None:
            require_known(connection, target)
        found = verified(connection, target=target, since=since.replace(tzinfo=UTC) if since else None)
    if output_format is ListFormat.JSON:
        _print_json(decisions_json(found))
    else:
        write_text("\n".join(decisions_lines(found)) + "\n", None)
    return 0 if found.ok else EXIT_BROKEN


def _print_json(document: dict[str, object]) -> None:
    write_text(json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2) + "\n", None)
