"""What a finding is about, as it stands in SQL."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def relation_of(finding: Result) -> str:
    """The qualified relation that the finding is about, or is on."""
    return qualified(finding.object.schema or "public", finding.object.name)


def member_of(finding: Result) -> str:
    """The policy, column, constraint or index of the relation."""
    return identifier(next(value for _, value in finding.object.detail))
