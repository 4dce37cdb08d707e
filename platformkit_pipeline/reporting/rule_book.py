"""Rules as documents: a list for machines, and the text that explains one rule to a person."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from platformkit_pipeline.rules.registry import Rule, ruleset_digest

SCHEMA_VERSION = 1


def rules_json(rules: Sequence[Rule]) -> str:
    """Metadata of `rules`, in their order."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "ruleset_digest": ruleset_digest(rules),
        "rules": [_document(rule) for rule in rules],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def rule_json(rule: Rule) -> str:
    return json.dumps({"schema_version": SCHEMA_VERSION, "rule": _document(rule)}, ensure_ascii=False, indent=2) + "\n"


def rule_text(rule: Rule, width: int = 100) -> str:
    """What the rule asks for, why, and how to mend a finding, with an example of each side."""
    paragraphs = [
        f"{rule.code}  {rule.name}",
        f"{rule.severity.value}, clause {rule.clause}, mended by: {rule.patch.value}",
        _wrapped(rule.title, width),
        f"Why\n{_wrapped(rule.why, width, '  ')}",
        f"How to fix\n{_wrapped(rule.how_to_fix, width, '  ')}",
        f"Refused\n{textwrap.indent(rule.violating, '  ')}",
        f"Accepted\n{textwrap.indent(rule.clean, '  ')}",
    ]
    if rule.references:
        paragraphs.append(f"See also\n{_wrapped(', '.join(rule.references), width, '  ')}")
    return f"{paragraphs[0]}\n" + "\n\n".join(paragraphs[1:]) + "\n"


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(" ".join(text.split()), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "clause": rule.clause,
        "severity": rule.severity.value,
        "scope": rule.scope.value,
        "family": rule.family.value,
        "title": rule.title,
        "why": rule.why,
        "how_to_fix": rule.how_to_fix,
        "references": list(rule.references),
        "patch": rule.patch.value,
        "violating": rule.violating,
        "clean": rule.clean,
    }
