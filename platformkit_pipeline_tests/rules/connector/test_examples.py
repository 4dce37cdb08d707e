"""Every rule about connectors does what its examples say, on connectors that really run: it alone fires, and none on the clean one.

`platformkit rules self-test` plays them all; so many seconds each are spent here on some only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.self_test_connectors import ConnectorBench, Example, complaints_about_connector_rule
from platformkit_pipeline.rules.registry import Rule, find_rule, rules_about_connectors

ALWAYS = ("CON007",)
"""CON001 is played by the test of the self-test."""


@pytest.fixture(scope="module")
def bench(admin_dsn: Dsn) -> Iterator[ConnectorBench]:
    with ConnectorBench.set_up(admin_dsn) as made:
        yield made


@pytest.mark.parametrize(
    "rule", [pytest.param(r, marks=() if r.code in ALWAYS else pytest.mark.exhaustive, id=r.code) for r in rules_about_connectors()]
)
def test_only_the_rule_itself_fires_on_its_violating_example_and_none_on_the_clean_one(bench: ConnectorBench, rule: Rule) -> None:
    assert list(complaints_about_connector_rule(rule, bench)) == []


@pytest.mark.exhaustive
def test_an_example_that_breaks_nothing_or_something_else_is_complained_of(bench: ConnectorBench) -> None:
    lies, misses = find_rule("CON008"), find_rule("CON002")
    assert lies is not None
    assert misses is not None
    assert list(complaints_about_connector_rule(lies, bench)) == []
    complaints = list(complaints_about_connector_rule(replace(misses, violating=lies.violating), bench))
    assert complaints[0] == "violating: CON002 does not fail anything"
    assert complaints[1].startswith('violating: CON008 FAIL acceptance_check sample."replay.delivers": ')


def test_an_example_says_which_connector_how_it_is_held_and_what_waits() -> None:
    example = Example.read('class: a.b:C\noptions: {url: "{service}"}\nlimits: {pending: 2}\nwaiting: 3\n', "http://127.0.0.1:1")
    assert (example.connector.options, example.connector.limits.pending, example.waiting) == ({"url": "http://127.0.0.1:1"}, 2, 3)
    with pytest.raises(ValueError, match="a mapping with `class`"):
        Example.read("nothing", "")
