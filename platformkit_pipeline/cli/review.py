"""`platformkit review`: the annual review of the constitution."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_session, settings_of
from platformkit_pipeline.cli.output import ListFormat, write_text

if TYPE_CHECKING:
    from platformkit_pipeline.model.review import Review

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_SETTINGS = typer.Option(None, "--settings", metavar="FILE", help="Settings; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml.")
_FORMAT = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer.")


@app.callback(invoke_without_command=True)
def review(context: typer.Context) -> None:
    """List the annual reviews of the constitution, show one, open one, complete one.

    PLATFORMKIT_DATABASE_URL names the control plane; without it the local server of `platformkit up` is meant.

    \b
    Examples:
      platformkit review
      platformkit review show --year 2027
      platformkit review complete --year 2027 --by kim --outcome "No clause changes; 2.4 gets a rule" --issue acme/platform#12

    \b
    Exit codes: 0 done; 2 wrong input, nothing changed; 3 the control plane cannot be used.
    """
    if context.invoked_subcommand is None:
        _list(ListFormat.TABLE, demo=False)


@app.command("list")
def list_all(output_format: ListFormat = _FORMAT, demo: bool = DEMO) -> None:
    """List all reviews, the latest first."""
    _list(output_format, demo=demo)


@app.command("show")
def show(
    year: int | None = typer.Option(None, "--year", metavar="YEAR", min=1, max=9999, help="Of which year; default the latest."),
    output_format: ListFormat = _FORMAT,
    demo: bool = DEMO,
) -> None:
    """Print the agenda of a review with its figures, and what came of it."""
    from platformkit_pipeline.model.errors import ConfigurationError
    from platformkit_pipeline.operations.annual_review import list_reviews

    with control_plane_session(demo=demo) as connection:
        found = list_reviews(connection, year)
    if not found:
        raise ConfigurationError(f"there is no review{f' of {year}' if year else ''}; `platformkit review open` opens that of this year")
    if output_format is ListFormat.JSON:
        write_text(_json({"schema_version": 1, **_document(found[0])}), None)
        return
    write_text(f"{found[0].agenda}\n{_state(found[0])}\n", None)


@app.command("open")
def open_now(settings: Path | None = _SETTINGS, demo: bool = DEMO) -> None:
    """Open the review of this year, where the schedule did not: one that was missed, or that a milestone calls for."""
    from platformkit_pipeline.operations.annual_review import open_review
    from platformkit_pipeline.operations.read_settings import read_settings

    given = read_settings(settings_of(settings, demo=demo))
    with control_plane_session(demo=demo) as connection:
        state = open_review(connection, given, datetime.now(UTC), late=True)
    if state.review is not None:
        write_text(f"{state.review.year}: {'opened' if state.opened else _state(state.review)}\n", None)


@app.command("complete")
def complete(
    *,
    year: int = typer.Option(..., "--year", metavar="YEAR", min=1, max=9999, help="The review that is over."),
    outcome: str = typer.Option(..., "--outcome", metavar="TEXT", help="What came of it."),
    by: str | None = typer.Option(
        None, "--by", metavar="NAME", help="Who says so; default PLATFORMKIT_ACTOR, else the person behind the workflow or the login."
    ),
    issue: str | None = typer.Option(None, "--issue", metavar="REFERENCE", help="Where it was discussed, e.g. acme/platform#12."),
    settings: Path | None = _SETTINGS,
    demo: bool = DEMO,
) -> None:
    """Record what came of a review. It is written once, and to the audit log; the reminder is over with it."""
    from platformkit_pipeline.operations.acting_person import acting_person
    from platformkit_pipeline.operations.annual_review import complete_review
    from platformkit_pipeline.operations.read_settings import read_settings

    person, given = acting_person(by), read_settings(settings_of(settings, demo=demo))
    with control_plane_session(demo=demo) as connection:
        done = complete_review(connection, given, year=year, by=person, outcome=outcome, now=datetime.now(UTC), issue=issue)
    write_text(f"{done.year}: {_state(done)}\n", None)


def _list(output_format: ListFormat, *, demo: bool) -> None:
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.operations.annual_review import list_reviews

    with control_plane_session(demo=demo) as connection:
        found = list_reviews(connection)
    if output_format is ListFormat.JSON:
        write_text(_json({"schema_version": 1, "reviews": [_document(one) for one in found]}), None)
        return
    rows = [(str(one.year), one.due.isoformat(), f"{one.opened_at:%Y-%m-%d}", one.constitution_before or "–", _state(one)) for one in found]
    print_rows(("Year", "Due", "Opened", "Constitution", "State"), rows)


def _state(review: Review) -> str:
    if review.completed_at is None:
        return f"open, due by {review.due}"
    versions = f"; constitution {review.constitution_after}" if review.constitution_after else ""
    issue = f" ({review.issue})" if review.issue else ""
    return f"completed on {review.completed_at:%Y-%m-%d} by {review.completed_by}{issue}: {review.outcome}{versions}"


def _document(review: Review) -> dict[str, Any]:
    return {
        "year": review.year,
        "due": review.due.isoformat(),
        "opened_at": review.opened_at.isoformat(),
        "since": review.since.isoformat(),
        "constitution_before": review.constitution_before,
        "figures": dict(review.figures),
        "agenda": review.agenda,
        "issue": review.issue,
        "completed_at": review.completed_at.isoformat() if review.completed_at else None,
        "completed_by": review.completed_by,
        "outcome": review.outcome,
        "constitution_after": review.constitution_after,
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
