"""`platformkit override`: let a target through a gate that says no, for a day at most, by two people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_session
from platformkit_pipeline.cli.gate import GateKind
from platformkit_pipeline.cli.output import ListFormat, write_text
from platformkit_pipeline.model.gate_override import LONGEST_OVERRIDE_HOURS

if TYPE_CHECKING:
    from platformkit_pipeline.control_plane.connection import Connection
    from platformkit_pipeline.model.gate_override import GateOverride
    from platformkit_pipeline.model.target import Target

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=False)

EXIT_NOTHING_TO_END = 1
_TARGET = typer.Option(..., "--target", metavar="NAME", help="A target that the control plane knows.")
_KIND = typer.Option(None, "--kind", help="Needed only where targets of several kinds share the name.")
_FORMAT = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer.")
_BY = typer.Option(None, "--by", metavar="NAME", help="Who does this; else PLATFORMKIT_ACTOR, or the login.")


@app.callback(invoke_without_command=True)
def override(context: typer.Context) -> None:
    """Let a target through its deploy gate although it says no; list who did, and end it.

    Needs two people, a reason and an end within 24 hours. Everything is stored, written to the audit log and told to
    whoever the alerts go to. The gate keeps saying what it would have said.

    \b
    Examples:
      platformkit override grant --target shop-production --reason "fix of an outage, INC-7" --by ann --approved-by bob --hours 2
      platformkit override list --target shop-production
      platformkit override end --target shop-production --reason "deployed" --by ann
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("grant")
def grant(
    target: str = _TARGET,
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help="Why; it stands in the decision and in the alert."),
    approved_by: str = typer.Option(..., "--approved-by", metavar="NAME", help="The second person."),
    by: str | None = _BY,
    hours: int = typer.Option(1, "--hours", metavar="N", help=f"How long, 1 to {LONGEST_OVERRIDE_HOURS}."),
    kind: GateKind | None = _KIND,
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> None:
    """Turn a no of the target's gate into a yes for some hours. The same again changes nothing.

    Exit codes: 0 it is in force; 2 wrong input, nothing was stored; 3 the control plane cannot be used.
    """
    from platformkit_pipeline.operations.acting_person import acting_person
    from platformkit_pipeline.operations.override_gate import grant_override

    with _about(target, kind, demo=demo) as (connection, meant):
        now = datetime.now(UTC)
        granted = grant_override(
            connection, meant, reason=reason, requested_by=acting_person(by), approved_by=approved_by, hours=hours, now=now
        )
    _print([granted], target, output_format)


@app.command("list")
def list_all(target: str = _TARGET, kind: GateKind | None = _KIND, output_format: ListFormat = _FORMAT, demo: bool = DEMO) -> None:
    """List every override that there ever was of a target, latest first."""
    from platformkit_pipeline.operations.override_gate import list_overrides

    with _about(target, kind, demo=demo) as (connection, meant):
        found = list_overrides(connection, meant)
    _print(found, target, output_format)


@app.command("end")
def end(
    target: str = _TARGET,
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help="Why it is over."),
    by: str | None = _BY,
    kind: GateKind | None = _KIND,
    demo: bool = DEMO,
) -> int:
    """End the override that is in force before its time.

    Exit codes: 0 ended; 1 none is in force; 2 wrong input; 3 the control plane cannot be used.
    """
    from platformkit_pipeline.operations.acting_person import acting_person
    from platformkit_pipeline.operations.override_gate import end_override

    with _about(target, kind, demo=demo) as (connection, meant):
        ended = end_override(connection, meant, by=acting_person(by), reason=reason, now=datetime.now(UTC))
    write_text(f"ended {ended.override_id}\n" if ended else f"no override of {target} is in force\n", None)
    return 0 if ended else EXIT_NOTHING_TO_END


@contextmanager
def _about(name: str, kind: GateKind | None, *, demo: bool) -> Iterator[tuple[Connection, Target]]:
    from platformkit_pipeline.operations.gate_roads import ROADS
    from platformkit_pipeline.operations.override_gate import registered_target

    meant = next((road.kind for road in ROADS if kind is not None and road.noun == kind.value), None)
    with control_plane_session(demo=demo) as connection:
        yield connection, registered_target(connection, name, meant)


def _print(overrides: list[GateOverride] | tuple[GateOverride, ...], target: str, output_format: ListFormat) -> None:
    from platformkit_pipeline.cli.listing import print_rows

    if output_format is ListFormat.JSON:
        document = {"schema_version": 1, "target": target, "overrides": [_document(o) for o in overrides]}
        write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", None)
        return
    rows = [
        (o.gate, f"{o.starts_at:%Y-%m-%d %H:%M}", f"{o.ended_at or o.ends_at:%Y-%m-%d %H:%M}", o.requested_by, o.approved_by, o.reason)
        for o in overrides
    ]
    print_rows(("gate", "from (UTC)", "until (UTC)", "by", "approved by", "reason"), rows)


def _document(one: GateOverride) -> dict[str, Any]:
    return {
        "override_id": one.override_id,
        "gate": one.gate,
        "reason": one.reason,
        "requested_by": one.requested_by,
        "approved_by": one.approved_by,
        "starts_at": one.starts_at.isoformat(),
        "ends_at": one.ends_at.isoformat(),
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "ended_by": one.ended_by,
    }
