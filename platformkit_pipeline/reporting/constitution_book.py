"""The constitution as it is enforced: clause → rules → where they are tried → what mends a violation (clause 1.3).

For people in Markdown, for machines in JSON. The same rules, the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from platformkit_pipeline.model.clauses import CHAPTERS, CLAUSES, Clause, Enforcement
from platformkit_pipeline.reporting.rule_book import JUDGED_FROM, MENDED_BY, rule_anchor
from platformkit_pipeline.rules.registry import Rule, Scope, Source, ruleset_digest

SCHEMA_VERSION = 1
SELF_TEST = "platformkit rules self-test"

_TESTS = "platformkit_pipeline_tests"
_ON_DATABASES = f"{_TESTS}/operations/test_self_test.py"
_ON_REPOSITORIES = f"{_TESTS}/rules/repository/test_examples.py"
_TRIED_BY = {
    **dict.fromkeys((Source.CATALOG, Source.STATISTICS, Source.LOGS, Source.PROBE), _ON_DATABASES),
    Source.FILES: f"{_TESTS}/rules/test_migration_rules.py",
    Source.REPLAY: f"{_TESTS}/rules/test_history_rules.py",
    **dict.fromkeys((Source.CLONE, Source.GITHUB, Source.CHANGE, Source.CONTROL_PLANE), _ON_REPOSITORIES),
    Source.CONNECTOR: f"{_TESTS}/rules/connector/test_examples.py",
}
_OF_THE_PLATFORM = f"{_TESTS}/operations/test_self_test_control_plane.py"


def tried_by(rule: Rule) -> str:
    """The test module that breaks and mends the rule by its two examples, as a path of a checkout."""
    return _OF_THE_PLATFORM if rule.scope is Scope.CONTROL_PLANE else _TRIED_BY[rule.source]


def clauses_without_a_rule(rules: Sequence[Rule]) -> tuple[Clause, ...]:
    """Those that no rule judges, in the order of the constitution. What keeps each of them is its field `also`."""
    judged = {rule.clause for rule in rules}
    return tuple(clause for clause in CLAUSES if clause.number not in judged)


def constitution_json(rules: Sequence[Rule]) -> str:
    """Every clause with its rules and what else keeps it."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "ruleset_digest": ruleset_digest(rules),
        "without_a_rule": [clause.number for clause in clauses_without_a_rule(rules)],
        "clauses": [
            {
                "clause": clause.number,
                "title": clause.title,
                "chapter": CHAPTERS[clause.chapter],
                "rules": [_rule_document(rule) for rule in _rules_of(clause, rules)],
                "enforced_by": [{"mechanism": e.mechanism.value, "what": e.what} for e in clause.also],
            }
            for clause in CLAUSES
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def constitution_markdown(rules: Sequence[Rule]) -> str:
    """One section per clause, and at the end the clauses that no rule judges, each with the reason."""
    return "\n".join(_pages(rules)) + "\n"


def _pages(rules: Sequence[Rule]) -> Iterator[str]:
    yield "# The constitution, clause by clause"
    yield ""
    yield "<!-- Written by `platformkit docs constitution`. Change the rules or `model/clauses.py`: `platformkit docs --check` compares -->"
    yield ""
    yield f"{len(CLAUSES)} clauses, {len(rules)} rules, ruleset `{ruleset_digest(rules)}`. What the clauses say stands in"
    yield "[`spec/platform-kit/constitution.md`](../spec/platform-kit/constitution.md), what each rule asks for and how to mend what it"
    yield f"finds in the [rule book](rules.md). `{SELF_TEST}` breaks and mends every rule by its two examples; the column"
    yield "*Tried by* names the test module that does the same in continuous integration."
    chapter = 0
    for clause in CLAUSES:
        if clause.chapter != chapter:
            chapter = clause.chapter
            if "." in clause.number:
                yield from ("", f"## {chapter} {CHAPTERS[chapter]}")
        yield from ("", f"{'###' if '.' in clause.number else '##'} {clause.number} {clause.title}", "")
        yield from _section(clause, _rules_of(clause, rules))
    yield from ("", "## Clauses that no rule judges", "")
    for clause in clauses_without_a_rule(rules):
        yield f"- **{clause.number} {clause.title}**. Kept by: {'; '.join(map(_sentence, clause.also)) or 'nothing'}"


def _section(clause: Clause, rules: Sequence[Rule]) -> Iterator[str]:
    if rules:
        yield "| Rule | Severity | Name | Judged from | Tried by | Mended by |"
        yield "|---|---|---|---|---|---|"
        yield from map(_row, rules)
    else:
        yield "No rule judges this clause."
    if clause.also:
        yield from ("", f"{'Besides, kept' if rules else 'Kept'} by:", "", *(f"- {_sentence(e)}" for e in clause.also))


def _row(rule: Rule) -> str:
    module = tried_by(rule)
    tests = f"[`{module.rpartition('/')[2]}`](../{module})"
    link = f"[{rule.code}](rules.md#{rule_anchor(rule)})"
    return f"| {link} | {rule.severity.value} | {rule.name} | {JUDGED_FROM[rule.source]} | {tests} | {MENDED_BY[rule.patch]} |"


def _sentence(enforcement: Enforcement) -> str:
    return f"{enforcement.mechanism.value}: {enforcement.what}"


def _rules_of(clause: Clause, rules: Sequence[Rule]) -> list[Rule]:
    return sorted((rule for rule in rules if rule.clause == clause.number), key=lambda rule: rule.code)


def _rule_document(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "title": rule.title,
        "severity": rule.severity.value,
        "judged_from": JUDGED_FROM[rule.source],
        "tests": [SELF_TEST, tried_by(rule)],
        "fix": {"patch": rule.patch.value, "how_to_fix": rule.how_to_fix, "docs": f"docs/rules.md#{rule_anchor(rule)}"},
    }
