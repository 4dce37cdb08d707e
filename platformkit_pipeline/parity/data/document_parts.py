"""What the models of a data contract share: strictness, severities, and what of the standard is read past."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from platformkit_pipeline.model.result import Severity

Text = Annotated[str, Field(min_length=1)]

ReadPast = Annotated[Any, Field(description="Of the standard; not checked.")]
"""A key of the standard that no check depends on: accepted with any value."""

SeverityName = Literal["critical", "high", "medium", "low", "info", "error", "warning"]
"""Our severities, and two words that examples of the standard use: `error` is high, `warning` is medium."""

_WORDS_OF_THE_STANDARD = {"error": Severity.HIGH, "warning": Severity.MEDIUM}


def severity_named(name: SeverityName | None, otherwise: Severity) -> Severity:
    """The severity that a file gives a check, or `otherwise` where it gives none."""
    if name is None:
        return otherwise
    return _WORDS_OF_THE_STANDARD.get(name) or Severity(name)


class Part(BaseModel):
    """A mapping of the file. Keys that nobody knows are refused; values never stand in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
