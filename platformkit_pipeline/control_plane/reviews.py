"""Annual reviews of the constitution, one per year (clause 11.2). New and completed ones are audited by the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Json

from platformkit_pipeline.control_plane.connection import Connection, one_row, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text, storable_value
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.review import Review


def figures(connection: Connection, since: datetime, now: datetime, today: date) -> Mapping[str, Any]:
    """What happened from `since` to `now`, counted out of `ops`; `today` is the UTC day of `now`. JSON values."""
    of_review = {"since": since, "now": now, "today": today}
    found: Mapping[str, Any] = one_row(connection.execute(statement("review_figures"), of_review))[0]
    return found


def add(connection: Connection, review: Review) -> bool:
    """Store a review that was opened; False where the year has one, which stays as it is."""
    require_transaction(connection)
    row = {
        "year": review.year,
        "due": review.due,
        "opened_at": review.opened_at,
        "since": review.since,
        "agenda": storable_text(review.agenda),
        "figures": Json(storable_value(review.figures)),
        "constitution_before": review.constitution_before,
    }
    return connection.execute(statement("reviews_open"), row).fetchone() is not None


def complete(
    connection: Connection, year: int, *, by: str, outcome: str, issue: str | None, constitution_after: str | None, now: datetime
) -> bool:
    """Say what came of a review; False where none of that year is open."""
    require_transaction(connection)
    row = {
        "year": year,
        "now": now,
        "by": storable_text(by),
        "outcome": storable_text(outcome),
        "issue": None if issue is None else storable_text(issue),
        "constitution_after": constitution_after,
    }
    return connection.execute(statement("reviews_complete"), row).fetchone() is not None


def reviews(connection: Connection, year: int | None = None) -> tuple[Review, ...]:
    """All of them, the latest first; or that of one year."""
    return tuple(Review(*row) for row in connection.execute(statement("reviews_list"), {"year": year}).fetchall())
