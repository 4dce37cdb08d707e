"""What the gate has to know about each kind of target: which job leads to a decision, and where it stands then."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platformkit_pipeline.model.errors import ConfigurationError, UnknownTarget
from platformkit_pipeline.model.target import TargetKind

_SIMILAR_NAMES = 3
_NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Road:
    """How targets of one kind come to a decision: a job, launched on one of its partitions, makes the asset of the gate."""

    kind: TargetKind
    noun: str
    job: str
    gate_asset: tuple[str, str]
    partitions: str


PROJECTS = Road(TargetKind.SUPABASE_PROJECT, "project", "scan_target", ("governance", "gate"), "supabase_projects")
REPOSITORIES = Road(TargetKind.REPOSITORY, "repository", "scan_repository", ("governance", "repository_gate"), "repositories")
CONNECTORS = Road(TargetKind.CONNECTOR, "connector", "scan_connector", ("governance", "connector_gate"), "connectors")
ROADS = (PROJECTS, REPOSITORIES, CONNECTORS)
"""To the deploy gate."""
MERGES = Road(TargetKind.SUPABASE_PROJECT, "project", "score_parity", ("governance", "merge_gate"), "supabase_projects")
"""To the merge gate."""
REPOSITORY_MERGES = Road(TargetKind.REPOSITORY, "repository", "scan_repository", ("governance", "repository_merge_gate"), "repositories")
"""To the merge gate of a repository's commit: findings of the categories that stop a pull request or a merge (clause 12)."""
VERDICT = "verdict"
"""Name of the check over everything that an asset judges."""
BASE_RUN_TAG = "platformkit/base_run"
COMMIT_TAG = "platformkit/commit"
BRANCH_TAG = "platformkit/branch"
"""Tags of a run on the road to the merge gate: what it measures, and which stored run it is compared with."""


def the_road_to(target: str, known: Mapping[Road, Sequence[str]], url: str) -> Road:
    """The only one that has a target of that name. Raises UnknownTarget, and ConfigurationError when there are several."""
    found = [road for road, names in known.items() if target in names]
    if not found:
        everything = tuple(name for names in known.values() for name in names)
        raise UnknownTarget(f"{url} has no target {target!r}; {_suggestion(target, everything)}. Nothing was launched")
    if len(found) > 1:
        nouns = " and a ".join(road.noun for road in found)
        raise ConfigurationError(f"{url} has a {nouns} called {target!r}: say with --kind which is meant. Nothing was launched")
    return found[0]


def _suggestion(target: str, known: tuple[str, ...]) -> str:
    if not known:
        return "it has none at all: list projects, repositories or connectors in its platformkit.yaml"
    if similar := difflib.get_close_matches(target, known, n=_SIMILAR_NAMES):
        return f"did you mean {', '.join(similar)}?"
    more = f" and {len(known) - _NAMES_SHOWN} more" if len(known) > _NAMES_SHOWN else ""
    return f"it has {', '.join(sorted(known)[:_NAMES_SHOWN])}{more}"
