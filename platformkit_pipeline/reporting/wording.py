"""Words that several reports share."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result


def message_beside_object(finding: Result) -> str:
    """The message for a place that shows the object already: messages often begin with its name."""
    shorter = finding.message.removeprefix(f"{finding.object} ")
    return shorter if shorter.strip() else finding.message
