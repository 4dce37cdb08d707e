"""Clause → rule → test → fix: nothing is left out, and no clause is left without a check or a reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from platformkit_pipeline.model.clauses import CHAPTERS, CLAUSES
from platformkit_pipeline.reporting.constitution_book import clauses_without_a_rule, constitution_json, constitution_markdown, tried_by
from platformkit_pipeline.reporting.rule_book import rules_markdown
from platformkit_pipeline.rules.registry import all_rules

ROOT = Path(__file__).resolve().parents[2]
RULES = all_rules()


def test_no_clause_is_left_without_a_check_or_a_stated_reason() -> None:
    unjudged = clauses_without_a_rule(RULES)
    assert {"1.2", "12"} <= {clause.number for clause in unjudged} < {clause.number for clause in CLAUSES}
    assert [clause.number for clause in unjudged if not any(e.what.strip() for e in clause.also)] == []


def test_the_clauses_are_those_of_our_restatement_in_its_order() -> None:
    text = (ROOT / "spec" / "platform-kit" / "constitution.md").read_text(encoding="utf-8")
    named = re.findall(r"^(?:### |\| )(\d+\.\d+) |^## (12|13) ", text, re.MULTILINE)
    assert [whole or chapter for whole, chapter in named] == [clause.number for clause in CLAUSES]
    assert {clause.chapter for clause in CLAUSES} == set(CHAPTERS)


def test_every_rule_stands_once_below_its_own_clause_with_a_test_that_is_there() -> None:
    answered = json.loads(constitution_json(RULES))
    listed = {rule["code"]: clause["clause"] for clause in answered["clauses"] for rule in clause["rules"]}
    assert listed == {rule.code: rule.clause for rule in RULES}
    assert Counter(code for clause in answered["clauses"] for code in [r["code"] for r in clause["rules"]]).most_common(1)[0][1] == 1
    assert [module for module in sorted({tried_by(rule) for rule in RULES}) if not (ROOT / module).is_file()] == []
    assert answered["without_a_rule"] == [clause.number for clause in clauses_without_a_rule(RULES)]


def test_the_module_that_is_named_tries_that_very_rule() -> None:
    """As pytest collects it: a test whose parameter is the code of the rule."""
    modules = sorted({tried_by(rule) for rule in RULES})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-m", "", "-p", "no:cacheprovider", *modules]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tried = {(module, code) for module, code in re.findall(r"^(\S+\.py)::\S+\[([A-Z]{3}\d{3})\]$", collected, re.MULTILINE)}
    assert [rule.code for rule in RULES if (tried_by(rule), rule.code) not in tried] == []


def test_the_links_of_the_page_lead_to_headings_of_the_rule_book() -> None:
    page = constitution_markdown(RULES)
    anchors = set(re.findall(r"\]\(#([a-z0-9-]+)\)", rules_markdown(RULES)))
    linked = re.findall(r"\]\(rules\.md#([a-z0-9-]+)\)", page)
    assert len(linked) == len(RULES)
    assert set(linked) <= anchors
