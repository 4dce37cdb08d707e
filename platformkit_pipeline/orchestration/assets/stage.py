"""What a stage is: some assets of a target, and the function that brings them up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.settings import Connector, Project, Repository, declarations_of, target_of
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection


@dataclass(frozen=True, slots=True)
class TargetRun:
    """One target on its way through the stages of one run."""

    project: Project
    connection: Connection
    """To the control plane. Use cases commit by themselves."""
    run_id: str
    selection: Selection
    record: Recorder
    migrations: Path | None = None
    """Folder of the project's migrations, where the settings name one."""

    @property
    def target(self) -> Target:
        return target_of(self.project)

    @property
    def declarations(self) -> Declarations:
        return declarations_of(self.project)


@dataclass(frozen=True, slots=True)
class RepositoryRun:
    """One repository on its way through the stages of one run."""

    repository: Repository
    settings_file: Path
    """Its path is relative to the folder of this file."""
    connection: Connection
    run_id: str
    selection: Selection
    record: Recorder

    @property
    def target(self) -> Target:
        return target_of(self.repository)


@dataclass(frozen=True, slots=True)
class ConnectorRun:
    """One connector on its way through the stages of one run."""

    connector: Connector
    connection: Connection
    run_id: str
    selection: Selection
    record: Recorder

    @property
    def target(self) -> Target:
        return target_of(self.connector)


RunT = TypeVar("RunT")
"""One target on its way through the stages of its kind."""


@dataclass(frozen=True, slots=True)
class Stage(Generic[RunT]):
    """`specs` and `checks` are what it owns; `carry_out` does the work and tells what it did. Stages run in order."""

    specs: tuple[dg.AssetSpec, ...]
    carry_out: Callable[[RunT], Iterator[Event]]
    checks: tuple[dg.AssetCheckSpec, ...] = ()
    operation: str | None = None
    """What it is measured as (`model/metric.py`)."""

    @property
    def keys(self) -> tuple[dg.AssetKey, ...]:
        return tuple(spec.key for spec in self.specs)
