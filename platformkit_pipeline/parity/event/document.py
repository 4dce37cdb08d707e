"""`contracts/event/*.yaml` as it is validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import TargetName, Text

SHAPE_CHECKS = ("outbox columns", "outbox key", "inbox key", "dead letters table", "client roles")
LIMIT_CHECKS = ("pending", "oldest age", "dead letters")
TRIAL_CHECKS = ("same event twice", "same receipt twice")
SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys((*SHAPE_CHECKS, *LIMIT_CHECKS, *TRIAL_CHECKS), Severity.HIGH),
    "client roles": Severity.CRITICAL,
}
"""Checks of an outbox, with the severity they have unless the contract says another."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Limits(_Part):
    """What may wait. A limit that is not named is not checked."""

    pending: Annotated[int, Field(ge=0)] | None = None
    oldest_age_seconds: Annotated[float, Field(ge=0)] | None = None
    dead_letters: Annotated[int, Field(ge=0)] | None = None


class OutboxContract(_Part):
    """An outbox of the project's database, with Debezium's names of columns (id, aggregatetype, aggregateid, type, payload)."""

    schema_name: Text = Field(alias="schema")
    table: Text = "outbox"
    key: tuple[Text, ...] = ("id",)
    """What is unique of it: `id`, with whatever else tells two rows of one event apart, such as the destination."""
    inbox: Text | None = None
    inbox_key: tuple[Text, ...] = ("consumer", "id")
    dead_letters: Text | None = None
    settled_by: tuple[Text, ...] | None = None
    """Columns that are null as long as a row waits. Default: `delivered_at` and `dead_at`, where they are; without any, every row waits."""
    written_at: Text = "created_at"
    replayed_by: Text = "replayed_at"
    """Column of dead letters that is null as long as one is open; where it is missing, every row is."""
    limits: Limits = Limits()
    trial: bool = False
    """Write the same row twice, in a transaction that is rolled back. UNKNOWN where the settings allow no writes."""

    @field_validator("key")
    @classmethod
    def _names_the_event(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "id" not in value:
            raise ValueError("expected a list with id, the idempotency key")
        return value

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        if self.limits.dead_letters is not None and self.dead_letters is None:
            raise ValueError("limits.dead_letters needs dead_letters, the name of their table")
        return self

    @property
    def checks(self) -> tuple[str, ...]:
        """What the contract declares, by name."""
        limits = zip(LIMIT_CHECKS, (self.limits.pending, self.limits.oldest_age_seconds, self.limits.dead_letters), strict=True)
        left_out = {name for name, limit in limits if limit is None}
        if self.inbox is None:
            left_out |= {"inbox key", "same receipt twice"}
        if self.dead_letters is None:
            left_out.add("dead letters table")
        if not self.trial:
            left_out.update(TRIAL_CHECKS)
        return tuple(name for name in SEVERITIES if name not in left_out)


class EventContract(_Part):
    """Either a connector of the settings, or an outbox."""

    description: Text | None = None
    connector: TargetName | None = None
    checks: tuple[Text, ...] = ()
    """Of the acceptance suite; all that the connector's capabilities call for where none is named."""
    outbox: OutboxContract | None = None
    severity: Mapping[str, Severity] = {}
    """By name of the check; what is not named is high, and what clients can read or write critical."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.connector is None) == (self.outbox is None):
            raise ValueError("expected either connector or outbox")
        if self.checks and self.connector is None:
            raise ValueError("checks are those of a connector; those of an outbox follow from what it names")
        return self

    @model_validator(mode="after")
    def _known_checks(self) -> Self:
        known = self.outbox.checks if self.outbox is not None else self.checks
        if known and (unknown := sorted(self.severity.keys() - set(known))):
            raise ValueError(f"severity: {', '.join(unknown)}: not checked by this contract, which checks {', '.join(known)}")
        return self


DOCUMENT = EventContract
"""What a file of this dimension is read as."""
