"""What the settings list, and which of the environment variables they name are set. Nothing is contacted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platformkit_pipeline.model.settings import Connector, Project, Repository, Settings, target_of
from platformkit_pipeline.model.target import Target


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that somebody's secret is read from. `required`: nothing can be observed without it."""

    name: str
    purpose: str
    is_set: bool
    required: bool


@dataclass(frozen=True, slots=True)
class ListedTarget:
    target: Target
    variables: tuple[Variable, ...]

    @property
    def ready(self) -> bool:
        return all(variable.is_set for variable in self.variables if variable.required)


def list_targets(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[ListedTarget, ...]:
    """All targets, projects first, each kind sorted by name."""
    kinds: tuple[tuple[Project | Repository | Connector, ...], ...] = (settings.projects, settings.repositories, settings.connectors)
    return tuple(
        ListedTarget(target_of(entry), tuple(_variables(entry, environment)))
        for kind in kinds
        for entry in sorted(kind, key=lambda entry: entry.name)
    )


def _variables(entry: Project | Repository | Connector, environment: Mapping[str, str]) -> Iterator[Variable]:
    match entry:
        case Project():
            yield _variable(entry.database.dsn_env, "database", environment, required=True)
            if entry.management_api:
                yield _variable(entry.management_api.token_env, "management API", environment)
        case Repository():
            if entry.github:
                yield _variable(entry.github.token_env, "GitHub", environment)
        case Connector():
            for key in sorted(entry.options):
                if key.endswith("_env"):
                    yield _variable(str(entry.options[key]), key.removesuffix("_env"), environment, required=True)


def _variable(name: str, purpose: str, environment: Mapping[str, str], *, required: bool = False) -> Variable:
    return Variable(name, purpose, bool(environment.get(name, "").strip()), required)
