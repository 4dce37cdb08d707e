"""`contracts/drift/*.yaml` as it is validated."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, field_validator

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import TargetName, Text
from platformkit_pipeline.parity.drift.checks import SEVERITIES


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Ignored(_Part):
    """Objects that may differ."""

    object: Text
    """Kind and name as reports print them, such as `role ci_runner`; `*` stands for any text, as in `table staging.*`."""
    reason: Text


class DriftContract(_Part):
    """This environment of the project is the same as another."""

    description: Text | None = None
    against: TargetName
    """Name of the project in the settings that this one is held against."""
    ignore: tuple[Ignored, ...] = ()
    severity: Mapping[str, Severity] = {}
    """By name of the check; what is not named keeps its default."""

    @field_validator("severity")
    @classmethod
    def _known_checks(cls, value: Mapping[str, Severity]) -> Mapping[str, Severity]:
        if unknown := sorted(value.keys() - SEVERITIES.keys()):
            raise ValueError(f"{', '.join(unknown)}: no such check; there are: {', '.join(SEVERITIES)}")
        return value


DOCUMENT = DriftContract
"""What a file of this dimension is read as."""
