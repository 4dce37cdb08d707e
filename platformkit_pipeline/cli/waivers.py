"""`platformkit waivers`: excuse a finding for a time, outside production (clause 10.2)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_session
from platformkit_pipeline.cli.output import ListFormat, write_text
from platformkit_pipeline.model.day import written_day
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.waiver import Waiver
    from platformkit_pipeline.operations.list_waivers import ListedWaiver
    from platformkit_pipeline.operations.waive import Granted

_SHORT = 8
"""Characters of an id in the table, as many as tell waivers apart; JSON has all of them."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=False)

_FORMAT = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer.")
_REASON = typer.Option(..., "--reason", metavar="TEXT", help="Why; it goes on record.")
_BY = typer.Option(
    None, "--by", metavar="NAME", help="Who does this; default PLATFORMKIT_ACTOR, else the person behind the workflow or the login."
)
_DAYS = typer.Option(None, "--days", metavar="N", help="How long, today included. Default: as long as is left of 30 days.")
_UNTIL = typer.Option(None, "--until", metavar="YYYY-MM-DD", help="The last day (UTC) on which it holds; instead of --days.")


@app.callback(invoke_without_command=True)
def waivers(context: typer.Context) -> None:
    """Grant, list, extend and revoke waivers.

    A waiver excuses findings of one rule on one target in the effective score and at gates, never in the raw score.
    It is for prototypes: never in production, and one rule and object can be waived on 30 days in all, however these
    are put together. Days are UTC, the first and the last included. What has to stay longer is an exception.

    PLATFORMKIT_DATABASE_URL names the control plane; without it the local server of `platformkit up` is meant.

    \b
    Examples:
      platformkit waivers add --target shop-staging --rule RLS001 --object public.drafts --days 14 --reason "prototype, PK-12"
      platformkit waivers add --target shop-staging --fingerprint 0c9a... --until 2026-03-31 --reason "prototype, PK-12"
      platformkit waivers list
      platformkit waivers extend 5b0e... --days 7 --reason "the release is a week late"
      platformkit waivers revoke 5b0e... --reason "mended in 20260301_drafts.sql"
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("add")
def add(
    target: str = typer.Option(..., "--target", metavar="NAME", help="The project."),
    rule: str | None = typer.Option(None, "--rule", metavar="CODE", help="Rule, or parity/<dimension> for checks of contracts."),
    objects: str | None = typer.Option(
        None,
        "--object",
        metavar="PATTERN",
        help="Objects as reports show them; * and ? stand for anything, but not between double quotes. Of contracts: <contract>/<check>.",
    ),
    fingerprint: str | None = typer.Option(None, "--fingerprint", metavar="HEX", help="One finding, instead of --rule and --object."),
    days: int | None = _DAYS,
    until: str | None = _UNTIL,
    reason: str = _REASON,
    by: str | None = _BY,
    even_unused: bool = typer.Option(False, "--even-unused", help="Also where no open finding matches."),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> None:
    """Excuse findings from today on.

    Exit codes: 0 granted; 2 refused, with the reason, and nothing was changed; 3 the control plane cannot be reached.
    """
    from platformkit_pipeline.operations.acting_person import acting_person
    from platformkit_pipeline.operations.waive import WaiverRequest, grant_waiver

    request = WaiverRequest(target, reason, acting_person(by), rule, objects, fingerprint, days, _day(until), even_unused)
    with control_plane_session(demo=demo) as connection:
        granted = grant_waiver(connection, request, datetime.now(UTC))
    _print_granted(granted, output_format)


@app.command("extend")
def extend(
    waiver: str = typer.Argument(..., metavar="ID", help="The waiver that goes on, or the first characters of its id."),
    days: int | None = _DAYS,
    until: str | None = _UNTIL,
    reason: str = _REASON,
    by: str | None = _BY,
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> None:
    """Go on with a waiver that holds today, from today on, within the same 30 days.

    What has lapsed or was revoked is granted anew with `add`.
    """
    from platformkit_pipeline.operations.acting_person import acting_person
    from platformkit_pipeline.operations.waive import extend_waiver

    with control_plane_session(demo=demo) as connection:
        granted = extend_waiver(
            connection, waiver, reason=reason, by=acting_person(by), days=days, last_day=_day(until), now=datetime.now(UTC)
        )
    _print_granted(granted, output_format)


@app.command("revoke")
def revoke(
    waiver: str = typer.Argument(..., metavar="ID", help="The waiver that ends, or the first characters of its id."),
    reason: str = _REASON,
    by: str | None = _BY,
    demo: bool = DEMO,
) -> None:
    """End a waiver: it covers nothing from today on. What was revoked stays revoked."""
    from platformkit_pipeline.operations.acting_person import acting_person
    from platformkit_pipeline.operations.waive import revoke_waiver

    with control_plane_session(demo=demo) as connection:
        revoked = revoke_waiver(connection, waiver, reason=reason, by=acting_person(by), now=datetime.now(UTC))
    write_text(f"waiver {revoked.waiver_id} was revoked by {revoked.revoked_by}: {revoked.revoke_reason}\n", None)


@app.command("list")
def list_(
    target: str | None = typer.Option(None, "--target", metavar="NAME", help="Of this target only."),
    everything: bool = typer.Option(False, "--all", help="Those that have ended as well."),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> None:
    """Every waiver with its state, the days that are left, and the number of open findings that it matches."""
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.operations.list_waivers import list_waivers

    with control_plane_session(demo=demo) as connection:
        listed = list_waivers(connection, datetime.now(UTC).date(), target=target, ended=everything)
    if output_format is ListFormat.JSON:
        _print_json({"waivers": [_document(item) for item in listed]})
        return
    rows = [
        (
            item.waiver.waiver_id[:_SHORT],
            item.target.name,
            item.waiver.rule,
            item.waiver.object_pattern or item.waiver.fingerprint or "",
            item.state.value,
            f"{item.waiver.starts_on} to {item.waiver.expires_on}",
            str(item.days_left),
            str(item.matches),
            item.waiver.granted_by,
            item.waiver.reason,
        )
        for item in listed
    ]
    print_rows(("id", "target", "rule", "object", "state", "days (UTC)", "left", "matches", "by", "reason"), rows)


def _print_granted(granted: Granted, output_format: ListFormat) -> None:
    waiver = granted.waiver
    if output_format is ListFormat.JSON:
        covers = list(granted.covers)
        _print_json({"waiver": _fields(waiver), "covers": covers, "days_left_after": granted.days_left})
        return
    covered = f"it covers {', '.join(granted.covers)}" if granted.covers else "it matches nothing yet"
    write_text(
        f"waiver {waiver.waiver_id}: {waiver.rule} from {waiver.starts_on} to {waiver.expires_on} (UTC); {covered}; "
        f"{granted.days_left} of 30 days are left after it\n",
        None,
    )


def _document(item: ListedWaiver) -> dict[str, Any]:
    return {
        **_fields(item.waiver),
        "target": item.target.name,
        "environment": item.target.environment.value,
        "state": item.state.value,
        "days_left": item.days_left,
        "matches": item.matches,
    }


def _fields(waiver: Waiver) -> dict[str, Any]:
    return {
        "id": waiver.waiver_id,
        "rule": waiver.rule,
        "object": waiver.object_pattern,
        "fingerprint": waiver.fingerprint,
        "reason": waiver.reason,
        "granted_by": waiver.granted_by,
        "starts_on": waiver.starts_on.isoformat(),
        "expires_on": waiver.expires_on.isoformat(),
        "extends": waiver.extends,
        "revoked_at": waiver.revoked_at.astimezone(UTC).isoformat() if waiver.revoked_at else None,
        "revoked_by": waiver.revoked_by,
        "revoke_reason": waiver.revoke_reason,
    }


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    day = written_day(text)
    if day is None:
        raise ConfigurationError("--until: expected a day of the form yyyy-mm-dd")
    return day


def _print_json(document: dict[str, object]) -> None:
    write_text(json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2) + "\n", None)
