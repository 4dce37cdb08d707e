"""Changes to the well-kept repository, and what one rule says about what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.operations.self_test_repositories import RepositoryBench
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.sample_repository.examples import Played
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

Judge = Callable[[str, str], list[Result]]
"""From the code of a rule and an example to the rule's results."""
Observe = Callable[[str], RepositorySnapshot]


@pytest.fixture(scope="session")
def repository_bench() -> Iterator[RepositoryBench]:
    with RepositoryBench.set_up() as bench:
        yield bench


@pytest.fixture
def judge(repository_bench: RepositoryBench) -> Judge:
    def judged(code: str, example: str) -> list[Result]:
        rule = find_rule(code)
        assert rule is not None
        snapshot, played = _observed(repository_bench, example)
        return list(evaluate_repository(snapshot, [rule], played.today, recorded_exceptions=played.recorded_exceptions))

    return judged


@pytest.fixture
def observe(repository_bench: RepositoryBench) -> Observe:
    return lambda example: _observed(repository_bench, example)[0]


def _observed(bench: RepositoryBench, example: str) -> tuple[RepositorySnapshot, Played]:
    with bench.played(example) as (path, played), open_repository(path) as repository:
        return observe_documents(repository, "acme/shop", base=played.base), played
