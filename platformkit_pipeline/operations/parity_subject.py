"""What a parity run is about: a target, its contracts, and everything that those may touch, put together from settings or from a DSN."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.connectors.registration import register
from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError
from platformkit_pipeline.model.settings import Connector as ConnectorEntry
from platformkit_pipeline.model.settings import DataApi, ParitySettings, Project, Settings, declarations_of, target_of
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import NO_OPTIONS, Declarations, Environment, Target
from platformkit_pipeline.operations.observe_all import observe_all
from platformkit_pipeline.operations.read_settings import find_project, find_repository, repository_path, resolve_contracts_dsn, resolve_dsn
from platformkit_pipeline.parity.contract_files import FOLDER, ContractSet, read_contracts
from platformkit_pipeline.parity.surroundings import DataApiAccess, Surroundings

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ParitySubject:
    """`weights` and `max_drop_percent` are those of the settings, or their defaults."""

    target: Target
    contracts: ContractSet
    surroundings: Surroundings
    weights: Mapping[Dimension, int]
    max_drop_percent: Fraction

    def showing(self, progress: Progress) -> ParitySubject:
        """The same, with `progress` told of every contract."""
        return replace(self, surroundings=replace(self.surroundings, progress=progress))


def subject_of_project(
    settings_file: Path,
    settings: Settings,
    project: Project,
    *,
    environment: Mapping[str, str] = os.environ,
    observe: Callable[[], Snapshot] | None = None,
) -> ParitySubject:
    """A project of the settings. `observe` gives its snapshot where somebody has one already, else it is taken when first asked for.

    Raises ConfigurationError for a variable that is not set, and for a folder of contracts that is named and not there.
    """
    dsn = resolve_contracts_dsn(project, environment)
    target = target_of(project)
    surroundings = Surroundings(
        target=target,
        dsn=dsn,
        declarations=declarations_of(project),
        observe=_Once(observe or (lambda: observe_all(resolve_dsn(project, environment), NO_OPTIONS))),
        other_environment=_OtherEnvironments(settings, project, environment),
        connector=lambda name: _connector(settings, name),
        connector_options=lambda name: _connector_entry(settings, name).options,
        data_api=_data_api(project.name, project.data_api, environment),
        writes_allowed=writes_allowed(target, project.probe_writes),
    )
    contracts = read_contracts(contracts_folder(settings_file, settings, project))
    return ParitySubject(target, contracts, surroundings, weights_of(settings.parity), max_drop_of(settings.parity))


def subject_of_database(
    dsn: Dsn,
    target: Target,
    declarations: Declarations,
    folder: Path,
    *,
    probe_writes: bool = False,
    data_api: DataApiAccess | None = None,
) -> ParitySubject:
    """A database without settings, and the contracts in `folder`. Raises ConfigurationError when there is no such folder."""
    surroundings = Surroundings(
        target=target,
        dsn=dsn,
        declarations=declarations,
        observe=_Once(lambda: observe_all(dsn, NO_OPTIONS)),
        other_environment=_nothing_known("environments"),
        connector=_nothing_known("connectors"),
        connector_options=_nothing_known("connectors"),
        data_api=data_api,
        writes_allowed=writes_allowed(target, probe_writes),
    )
    defaults = ParitySettings()
    return ParitySubject(target, read_contracts(existing(folder)), surroundings, weights_of(defaults), max_drop_of(defaults))


def contracts_folder(settings_file: Path, settings: Settings, project: Project) -> Path:
    """Where the contracts of a project lie: where its settings say, else in its repository, else in `contracts/<name>` beside the settings.

    Raises ConfigurationError for a folder that is named in the settings and not there.
    """
    if project.contracts is not None:
        return existing(settings_file.parent / project.contracts)
    if project.repository is not None:
        repository = find_repository(settings, project.repository)
        if repository.path is not None:
            return repository_path(settings_file, repository) / FOLDER
    return settings_file.parent / FOLDER / project.name


def existing(folder: Path) -> Path:
    """`folder`. Raises ConfigurationError when it is not there: somebody who names it does not mean "no contracts"."""
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder of contracts {folder}; its folders are {', '.join(d.value for d in Dimension)}")
    return folder


def weights_of(settings: ParitySettings) -> Mapping[Dimension, int]:
    return {dimension: getattr(settings.weights, dimension.value) for dimension in Dimension}


def max_drop_of(settings: ParitySettings) -> Fraction:
    """Exactly what stands in the settings: 0.1 is a tenth."""
    return Fraction(str(settings.max_drop_percent))


def writes_allowed(target: Target, wanted: bool) -> bool:
    """Whether contract tests may change rows and take that back: when the owner says so, and never in production."""
    return wanted and target.environment is not Environment.PRODUCTION


class _Once:
    """Gives what `take` gave the first time, or raises what it raised: a server that is down is waited for once."""

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take
        self._taken: Snapshot | PlatformkitError | None = None

    def __call__(self) -> Snapshot:
        if self._taken is None:
            try:
                self._taken = self._take()
            except PlatformkitError as error:
                self._taken = error
        if isinstance(self._taken, PlatformkitError):
            raise self._taken
        return self._taken


class _OtherEnvironments:
    """Snapshots of other projects of the settings that belong to the same people, each taken at most once."""

    def __init__(self, settings: Settings, project: Project, environment: Mapping[str, str]) -> None:
        self._settings, self._project, self._environment = settings, project, environment
        self._taken: dict[str, _Once] = {}

    def __call__(self, name: str) -> Snapshot:
        if name not in self._taken:
            other = find_project(self._settings, name)
            if not _belong_together(self._project, other):
                # A contract comes with a pull request: it must not show its author the schema of strangers.
                raise ConfigurationError(
                    f"{name} is no environment of {self._project.name}: the two share neither a repository nor an owner in the settings"
                )
            dsn = resolve_dsn(other, self._environment)
            self._taken[name] = _Once(lambda: observe_all(dsn, NO_OPTIONS))
        return self._taken[name]()


def _belong_together(project: Project, other: Project) -> bool:
    """By repository or owner; where neither says whose it is, there is nobody to be kept apart from."""
    owned = {*project.owners, *other.owners}
    return (
        (project.repository is not None and project.repository == other.repository)
        or bool(set(project.owners) & set(other.owners))
        or not owned
    )


def _nothing_known(what: str) -> Callable[[str], Any]:
    def refuse(name: str) -> Any:
        raise ConfigurationError(f"{name!r} is looked up among the {what} of the settings: run with --target and a settings file")

    return refuse


def _data_api(whose: str, entry: DataApi | None, environment: Mapping[str, str]) -> DataApiAccess | None:
    if entry is None:
        return None
    if entry.key_env is None:
        return DataApiAccess(entry.url)
    return DataApiAccess(entry.url, key_from_environment(entry.key_env, environment, whose=whose))


def key_from_environment(variable: str, environment: Mapping[str, str] = os.environ, *, whose: str = "Data API") -> str:
    """The publishable key in `variable`. Raises ConfigurationError when the variable is not set or empty."""
    key = environment.get(variable, "").strip()
    if not key:
        raise ConfigurationError(f"{whose}: environment variable {variable} is not set or empty; it must hold the publishable key")
    return key


def _connector_entry(settings: Settings, name: str) -> ConnectorEntry:
    found = next((entry for entry in settings.connectors if entry.name == name), None)
    if found is None:
        known = ", ".join(sorted(entry.name for entry in settings.connectors)) or "none"
        raise ConfigurationError(f"no connector is called {name!r}; the settings list {known}")
    return found


def _connector(settings: Settings, name: str) -> Connector:
    entry = _connector_entry(settings, name)
    return register(entry.class_path, entry.options).required()
