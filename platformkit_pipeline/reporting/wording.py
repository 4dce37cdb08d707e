"""Words that several reports share."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.waiver import Cover


def message_beside_object(finding: Result) -> str:
    """The message for a place that shows the object already: messages often begin with its name."""
    shorter = finding.message.removeprefix(f"{finding.object} ")
    return shorter if shorter.strip() else finding.message


def waived_until(cover: Cover) -> str:
    """What stands before the message of a finding that is excused."""
    return f"waived until {cover.last_day.isoformat()}"


def why_waived(cover: Cover) -> str:
    """By what, until when and why, in one line."""
    return f"{waived_until(cover)} by {cover.kind.value} {cover.cover_id}: {cover.reason}"
