from __future__ import annotations

import json

import pytest

from platformkit_pipeline.reporting.rule_book import rule_json, rule_text, rules_json
from platformkit_pipeline.rules.registry import Rule, all_rules, ruleset_digest


def test_the_list_names_the_digest_and_every_rule() -> None:
    document = json.loads(rules_json(all_rules()))
    assert document["ruleset_digest"] == ruleset_digest(all_rules())
    assert [rule["code"] for rule in document["rules"]] == [rule.code for rule in all_rules()]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_an_explanation_has_everything_a_reader_needs(rule: Rule) -> None:
    text = rule_text(rule, width=80)
    assert text.startswith(f"{rule.code}  {rule.name}\n")
    for heading in ("Why", "How to fix", "Refused", "Accepted"):
        assert f"\n{heading}\n" in text
    assert rule.violating.splitlines()[0] in text


def test_one_rule_as_json_is_the_entry_of_the_list() -> None:
    rule = all_rules()[0]
    assert json.loads(rule_json(rule))["rule"] == json.loads(rules_json([rule]))["rules"][0]
