"""A setting of GitHub that was changed, and what puts the former one back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SettingKind(StrEnum):
    CLASSIC_PROTECTION = "classic_protection"
    RULESET = "ruleset"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check to demand by its exact name; `integration` is the number of the GitHub App that has to report it, if any."""

    context: str
    integration: int | None = None


@dataclass(frozen=True, slots=True)
class SettingUndo:
    """How to put a setting back to what it was before it was written."""

    repository: str
    """owner/name."""
    kind: SettingKind
    reference: str
    """The branch of a classic protection, the name of a ruleset; empty for security features."""
    previous: str | None
    """JSON text of the body that restores it; None: there was none, so it is removed."""
    written: str = ""
    """SHA-256 of what was there after writing; empty when the writer did not get that far. Whoever changed it since is not overruled."""
