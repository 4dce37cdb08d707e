from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from platformkit_pipeline.reporting.rule_book import CLAUSES, rule_json, rule_text, rules_json, rules_markdown
from platformkit_pipeline.rules.registry import Rule, Source, all_rules, ruleset_digest
from platformkit_pipeline_tests.cli.program import ROOT


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


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_list_carries_every_field_of_a_rule(rule: Rule) -> None:
    [entry] = json.loads(rules_json([rule]))["rules"]
    assert set(entry) == (set(Rule.__dataclass_fields__) - {"check"}) | {"category", "consequences"}
    assert entry["source"] == rule.source.value
    follows = f"{entry['category']}: {', '.join(entry['consequences'])} (clause 12)"
    assert follows in rule_text(rule)
    assert follows in rules_markdown([rule])


# -- the book in Markdown ------------------------------------------------------------------------------------------------


def test_the_book_has_one_section_per_rule_and_the_index_leads_there() -> None:
    book = rules_markdown(all_rules())
    outside_examples = re.sub(r"^```.*?^```$", "", book, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^### (.*)$", outside_examples, re.MULTILINE)
    assert sorted(headings) == [f"{rule.code} {rule.name}" for rule in all_rules()]
    anchors = re.findall(r"^\| \[[A-Z0-9]+\]\(#(.*?)\) \|", book, re.MULTILINE)
    assert sorted(anchors) == sorted(heading.lower().replace(" ", "-") for heading in headings)


def test_the_book_does_not_depend_on_the_order_of_the_rules() -> None:
    assert rules_markdown(all_rules()[::-1]) == rules_markdown(all_rules())


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_page_has_everything_a_reader_needs(rule: Rule) -> None:
    page = rules_markdown([rule])
    for text in (rule.title, rule.violating, rule.clean, f"Severity {rule.severity.value}", f"clause {rule.clause}"):
        assert text in page
    for reference in rule.references:
        assert reference.partition(":")[2] in page
    for kind in rule.requires:
        assert f"`{kind.value}`" in page
    # Without its own database the platform judges nothing at all, so rules about it never say UNKNOWN.
    assert ("UNKNOWN when" in page) == bool(rule.requires or rule.source not in (Source.CATALOG, Source.PLATFORM))


def test_what_an_example_needs_is_said() -> None:
    rule = replace(all_rules()[0], example_role="supabase_admin", also_fires=("RLS001",))
    assert "Violating, run as `supabase_admin`, where RLS001 cannot but fire as well:" in rules_markdown([rule])


def test_clauses_are_called_as_in_the_constitution() -> None:
    text = (ROOT / "spec" / "platform-kit" / "constitution.md").read_text(encoding="utf-8")
    for number, title in CLAUSES.items():
        assert any(form in text for form in (f"### {number} {title}\n", f"## {number} {title}\n", f"| {number} {title} |")), number
    assert {rule.clause for rule in all_rules()} <= set(CLAUSES)
