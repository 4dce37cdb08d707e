"""The constitution is reviewed in the first quarter of each year: opened with an agenda, completed by a person (clause 11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from platformkit_pipeline.control_plane import reviews
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.review import Review, review_due_date, review_is_due
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.observed_constitution import constitution_version, observed_constitution
from platformkit_pipeline.operations.secret_words import holds_a_secret
from platformkit_pipeline.reporting.review_agenda import review_agenda
from platformkit_pipeline.rules.registry import all_rules

_A_YEAR = timedelta(days=365)
LONGEST_OUTCOME = 10_000
"""Characters of what a review came to."""
_LONGEST_ISSUE = 200


@dataclass(frozen=True, slots=True)
class ReviewState:
    """The review of the year of `now`; None where there is none yet. `opened` tells that this call opened it."""

    review: Review | None
    opened: bool


def open_review(connection: Connection, settings: Settings, now: datetime, *, late: bool = False) -> ReviewState:
    """Open the review of this year (UTC) with its agenda, and tell the participants; outside of the first quarter only if `late`.

    A year has one review: the same call again changes and tells nothing. One transaction. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        known = reviews.reviews(connection)
        this_year = next((review for review in known if review.year == now.year), None)
        if this_year is not None or not (late or review_is_due(now.date())):
            return ReviewState(this_year, opened=False)
        review = _prepared(connection, settings, known[0] if known else None, now)
        if not reviews.add(connection, review):  # somebody else opens it at this very moment
            return ReviewState(reviews.reviews(connection, now.year)[0], opened=False)
        announce(connection, [_alert(review, settings)], [], now)
        return ReviewState(review, opened=True)


def complete_review(
    connection: Connection, settings: Settings, *, year: int, by: str, outcome: str, now: datetime, issue: str | None = None
) -> Review:
    """Record what came of the review of `year` and who says so; settles its alert. Both stand in the audit log. One transaction.

    Raises ConfigurationError for a review that was never opened or is completed, for an outcome that says nothing, and for a secret
    in what would be on record for good.
    """
    reference = " ".join((issue or "").split()) or None
    if not outcome.strip() or len(outcome) > LONGEST_OUTCOME or holds_a_secret(outcome):
        raise ConfigurationError(
            f"say what came of the review, in at most {LONGEST_OUTCOME} characters and without a secret: --outcome TEXT"
        )
    if reference is not None and (len(reference) > _LONGEST_ISSUE or holds_a_secret(reference)):
        raise ConfigurationError(
            f"say where it was discussed, in at most {_LONGEST_ISSUE} characters and without a secret: --issue REFERENCE"
        )
    with control_plane_errors(), connection.transaction():
        known = reviews.reviews(connection, year)
        if not known:
            raise ConfigurationError(f"there is no review of {year}; `platformkit review` lists them, `platformkit review open` opens one")
        after = constitution_version(observed_constitution(connection, settings))
        done = reviews.complete(connection, year, by=by, outcome=outcome.strip(), issue=reference, constitution_after=after, now=now)
        if not done:
            review = reviews.reviews(connection, year)[0]
            raise ConfigurationError(f"the review of {year} was completed on {review.completed_at:%Y-%m-%d} by {review.completed_by}")
        review = reviews.reviews(connection, year)[0]
        announce(connection, [], [_alert(review, settings)], now)
    return review


def list_reviews(connection: Connection, year: int | None = None) -> tuple[Review, ...]:
    """All reviews, the latest first, or that of one year. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return reviews.reviews(connection, year)


def _prepared(connection: Connection, settings: Settings, before: Review | None, now: datetime) -> Review:
    """From the opening of the review before on, so that nothing falls between two of them; from a year ago where there is none."""
    since = before.opened_at if before else now - _A_YEAR
    version = constitution_version(observed_constitution(connection, settings))
    figures = reviews.figures(connection, since, now, now.date())
    due = review_due_date(now.year)
    agenda = review_agenda(figures, all_rules(), year=now.year, due=due, since=since, now=now, constitution=version)
    return Review(now.year, due, now, since, agenda, figures, version)


def _alert(review: Review, settings: Settings) -> Alert:
    return Alert(
        AlertKind.REVIEW_DUE,
        str(review.year),
        Severity.MEDIUM,
        f"The constitution is due for its review of {review.year}, by {review.due}",
        payload={
            "year": review.year,
            "due": review.due.isoformat(),
            "body": review.agenda,
            "mentions": list(settings.governance.review.participants),
        },
    )
