"""Clause 12: every finding has a category, and every category a consequence."""

from __future__ import annotations

from platformkit_pipeline.model.consequence import CONSEQUENCES, Category
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.consequences import CATEGORY_OF, category_of
from platformkit_pipeline.rules.registry import Family, all_rules, find_rule


def test_every_family_has_one_category_and_every_category_a_consequence_and_a_family() -> None:
    assert set(CATEGORY_OF) == set(Family)
    assert set(CATEGORY_OF.values()) == set(Category) == set(CONSEQUENCES)
    assert all(CONSEQUENCES.values())


def test_the_consequences_are_those_of_the_constitution() -> None:
    assert {category.value: ", ".join(CONSEQUENCES[category]) for category in Category} == {
        "Security": "pull request blocked, deployment blocked",
        "Governance": "pull request rejected",
        "Quality": "merge blocked",
        "Data Integrity": "migration rejected",
        "Performance": "remediation plan created",
        "Observability": "CI lint failure",
        "Connectors": "registration blocked",
    }


def test_no_rule_about_performance_is_critical_for_they_never_block() -> None:
    slow = [rule for rule in all_rules() if category_of(rule.code) is Category.PERFORMANCE]
    assert slow
    assert all(rule.severity is not Severity.CRITICAL for rule in slow)


def test_a_code_that_left_the_book_has_no_category() -> None:
    assert find_rule("ZZZ999") is None
    assert category_of("ZZZ999") is None
