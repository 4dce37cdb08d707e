"""Every rule about repositories does what its examples say: it fires on the violating one and no other does, and none on the clean one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from platformkit_pipeline.operations.self_test_repositories import RepositoryBench, complaints_about_repository_rule
from platformkit_pipeline.rules.registry import Rule, rules_about_repositories


@pytest.fixture(scope="module")
def bench() -> Iterator[RepositoryBench]:
    with RepositoryBench.set_up() as made:
        yield made


@pytest.mark.parametrize("rule", rules_about_repositories(), ids=lambda rule: rule.code)
def test_only_the_rule_itself_fires_on_its_violating_example_and_none_on_the_clean_one(bench: RepositoryBench, rule: Rule) -> None:
    assert list(complaints_about_repository_rule(rule, bench)) == []
