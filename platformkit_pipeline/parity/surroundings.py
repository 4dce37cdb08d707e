"""What a contract is held against: the live target, and what may be done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Target


@dataclass(frozen=True, slots=True)
class DataApiAccess:
    """Where the Data API answers. `key` is the publishable key; it never reaches a result or a log."""

    url: str
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One target during one run of its contracts.

    `observe` gives the snapshot of the target's database, taken at most once; `other_environment` that of another target of the
    settings, by name; `connector` makes a connector of the settings, by name. They raise ObservationError, or ConfigurationError for a
    name that is not known.
    """

    target: Target
    dsn: Dsn | None
    declarations: Declarations
    observe: Callable[[], Snapshot]
    other_environment: Callable[[str], Snapshot]
    connector: Callable[[str], Connector]
    connector_options: Callable[[str], Mapping[str, Any]]
    data_api: DataApiAccess | None = None
    writes_allowed: bool = False
    """Rows may be changed in transactions that are rolled back: the owner said so, and the target is not production."""
    statement_timeout_seconds: float = 10
    progress: Callable[[str], None] = lambda _: None
