"""Rules as documents: a list for machines, the text that explains one rule to a person, and the whole book in Markdown."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from platformkit_pipeline.model import clauses
from platformkit_pipeline.model.consequence import CONSEQUENCES, consequences_text
from platformkit_pipeline.model.result import PatchKind
from platformkit_pipeline.reporting.example_languages import EXAMPLE_LANGUAGES
from platformkit_pipeline.rules.consequences import CATEGORY_OF
from platformkit_pipeline.rules.registry import REPOSITORY_SOURCES, Family, Rule, Source, ruleset_digest

SCHEMA_VERSION = 1

CLAUSES = {clause.number: clause.title for clause in clauses.CLAUSES}

_SECTIONS = {
    "Security": (Family.ROW_LEVEL_SECURITY, Family.API_EXPOSURE, Family.FUNCTIONS, Family.EXTENSIONS, Family.SECRETS),
    "Data integrity": (Family.TENANCY, Family.FOREIGN_KEYS, Family.AUDIT_TRAIL, Family.KEYS_AND_TYPES),
    "Performance": (Family.QUERY_PERFORMANCE, Family.INDEXES),
    "Migrations": (Family.MIGRATIONS,),
    "Repositories": (
        *(Family.REPOSITORY_SECRETS, Family.REQUIRED_CHECKS, Family.SPEC_BUNDLES, Family.DIAGRAMS, Family.DOC_SYNC),
        *(Family.STRUCTURED_LOGGING, Family.VERSIONING, Family.EXCEPTIONS, Family.SUPPRESSIONS, Family.AMENDMENTS),
        Family.ORGANISATION_README,
    ),
    "Connectors": (Family.CONNECTORS,),
    "The platform itself": (Family.WAIVERS, Family.OPERATIONS),
}

JUDGED_FROM = {
    Source.CATALOG: "the system catalogues",
    Source.STATISTICS: "the server's statistics, which grow with time and traffic",
    Source.LOGS: "the project's logs, where the settings give access to the management API",
    Source.PROBE: "a trial with the rights of a caller, where somebody asked for it",
    Source.FILES: "the files of migrations, by `platformkit lint-migrations`",
    Source.REPLAY: "a replay of the repository's migrations on an empty project, and the live catalogue",
    Source.CLONE: "a repository's latest commit, by `platformkit scan --repo`",
    Source.GITHUB: "the settings of the repository on GitHub, where a token is given",
    Source.CHANGE: "what a branch brings, where `--base` names what it is compared with",
    Source.CONTROL_PLANE: "a repository's latest commit, and what the control plane holds",
    Source.CONNECTOR: "what the connector answers and what the acceptance suite shows on a bench, by `platformkit scan --target`",
    Source.PLATFORM: "the control plane and the anchors of its audit log, every night",
}
_UNKNOWN_BESIDES = {
    Source.CATALOG: "",
    Source.STATISTICS: "the statistics are missing, or were reset too lately to say anything",
    Source.LOGS: "the logs cannot be read, or hold too few requests",
    Source.PROBE: "the probe was not run, or could not try everything",
    Source.FILES: "a file cannot be read or followed, or squawk cannot be asked",
    Source.REPLAY: "the replay needs what its server lacks",
    Source.CLONE: "something that it looks at cannot be read, or a tool that it asks gives no answer",
    Source.GITHUB: "GitHub was not asked, or does not tell this token",
    Source.CHANGE: "nobody named a base",
    Source.CONTROL_PLANE: "there is no control plane to ask",
    Source.CONNECTOR: "the acceptance suite found no bench, or could not try a check",
    Source.PLATFORM: "",
}
MENDED_BY = {
    PatchKind.SQL: "a migration that `platformkit plan` writes",
    PatchKind.FILE: "a change of a file that `platformkit plan` writes",
    PatchKind.SETTING: "a setting of the platform",
    PatchKind.MANUAL: "hand",
}


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
        f"{rule.severity.value}, clause {_clause(rule)}, mended by: {rule.patch.value}\njudged from {JUDGED_FROM[rule.source]}"
        f"\n{_follows(rule)}",
        _wrapped(rule.title, width),
        f"Why\n{_wrapped(rule.why, width, '  ')}",
        f"How to fix\n{_wrapped(rule.how_to_fix, width, '  ')}",
        f"Refused\n{textwrap.indent(rule.violating, '  ')}",
        f"Accepted\n{textwrap.indent(rule.clean, '  ')}",
    ]
    if rule.references:
        paragraphs.append(f"See also\n{_wrapped(', '.join(rule.references), width, '  ')}")
    return f"{paragraphs[0]}\n" + "\n\n".join(paragraphs[1:]) + "\n"


def rules_markdown(rules: Sequence[Rule]) -> str:
    """The rule book: an index by section, then every rule with its examples. Same rules, same bytes."""
    return "\n".join(_pages(sorted(rules, key=lambda r: r.code)))


def _pages(rules: Sequence[Rule]) -> Iterator[str]:
    yield "# Rule book"
    yield ""
    yield "<!-- Written by `platformkit docs rules`. Change the rules, not this file: `platformkit docs --check` compares. -->"
    yield ""
    yield f"{len(rules)} rules, ruleset `{ruleset_digest(rules)}`. Every example is run by `platformkit rules self-test` on a copy of"
    yield "[`sql/sandbox/well_kept.sql`](../sql/sandbox/well_kept.sql): the violating one makes its rule fire and no other,"
    yield "the clean one none. Examples of rules about migrations are files instead, one where no line `-- file: <name>` begins another;"
    yield "the timeouts that each should set are not written out. Those of rules about repositories say what to change in the sample"
    yield "repository [`well_kept`](../platformkit_pipeline/sandbox/sample_repository/well_kept). Those of rules about connectors"
    yield "are entries of the settings that name one of [`connectors/examples`](../platformkit_pipeline/connectors/examples), which is"
    yield "really run."
    yield ""
    yield "A rule answers PASS, FAIL, UNKNOWN (it could not be seen, which never counts as fine) or NA (declared not applicable,"
    yield "with a reason). Codes never change meaning. Severities weigh critical 27, high 9, medium 3, low 1; info is not scored."
    sections = [(title, [r for r in rules if r.family in families]) for title, families in _SECTIONS.items()]
    for title, members in sections:
        if members:
            yield from ("", f"## {title}: index", "", "| Code | Rule | Severity | Clause | Finds |", "|---|---|---|---|---|")
            yield from (
                f"| [{r.code}](#{rule_anchor(r)}) | {r.name} | {r.severity.value} | {r.clause} | {_cell(r.title)} |" for r in members
            )
    for title, members in sections:
        if members:
            yield from ("", f"## {title}")
            for rule in members:
                yield from _page(rule)
    yield ""


def _page(rule: Rule) -> Iterator[str]:
    yield from ("", f"### {rule.code} {rule.name}", "", f"**{rule.title}.**", "")
    yield f"- Severity {rule.severity.value}, clause {_clause(rule)}, family `{rule.family.value}`"
    yield f"- Judged from {JUDGED_FROM[rule.source]}; mended by {MENDED_BY[rule.patch]}"
    yield f"- {_follows(rule)}"
    if unknown := _unknown_when(rule):
        yield f"- UNKNOWN when {unknown}"
    peers, others = _references(rule)
    if peers:
        yield f"- Called elsewhere: {peers}"
    if others:
        yield f"- See also: {others}"
    yield from ("", f"Why: {_prose(rule.why)}", "", f"How to fix: {_prose(rule.how_to_fix)}")
    language = EXAMPLE_LANGUAGES.get(rule.source, "sql")
    for title, example in (("Violating", rule.violating), ("Clean", rule.clean)):
        by = "" if rule.example_role == "postgres" else f", run as `{rule.example_role}`"
        also = f", where {', '.join(rule.also_fires)} cannot but fire as well" if rule.also_fires and title == "Violating" else ""
        yield from ("", f"{title}{by}{also}:", "", f"```{language}", *example.splitlines(), "```")


def _clause(rule: Rule) -> str:
    return f"{rule.clause} ({CLAUSES[rule.clause]})" if rule.clause in CLAUSES else rule.clause


def _follows(rule: Rule) -> str:
    return f"{consequences_text(CATEGORY_OF[rule.family])} (clause 12)"


def _unknown_when(rule: Rule) -> str:
    kinds = ", ".join(f"`{kind.value}`" for kind in rule.requires)
    verb = {Source.CONNECTOR: f"{kinds} was not answered", **dict.fromkeys(REPOSITORY_SOURCES, f"{kinds} could not be read")}
    reasons = [verb.get(rule.source, f"the observer may not read {kinds}")] if kinds else []
    reasons += [_UNKNOWN_BESIDES[rule.source]] if _UNKNOWN_BESIDES[rule.source] else []
    return "; ".join(reasons)


def _references(rule: Rule) -> tuple[str, str]:
    """What other tools call the same fault, and the rest."""
    peers, others = [], []
    for reference in rule.references:
        kind, _, name = reference.partition(":")
        if kind in ("splinter", "pgrls", "squawk"):
            peers.append(f"{kind} `{name}`")
        else:
            others.append(f"{kind.upper()}-{name}" if kind == "cwe" else reference)
    return ", ".join(peers), ", ".join(others)


def rule_anchor(rule: Rule) -> str:
    """As renderers of Markdown make it of the heading."""
    return re.sub(r"[^a-z0-9 _-]", "", f"{rule.code} {rule.name}".lower()).replace(" ", "-")


def _prose(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


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
        "category": CATEGORY_OF[rule.family].value,
        "consequences": [consequence.value for consequence in CONSEQUENCES[CATEGORY_OF[rule.family]]],
        "title": rule.title,
        "why": rule.why,
        "how_to_fix": rule.how_to_fix,
        "references": list(rule.references),
        "patch": rule.patch.value,
        "source": rule.source.value,
        "requires": [kind.value for kind in rule.requires],
        "revision": rule.revision,
        "violating": rule.violating,
        "clean": rule.clean,
        "example_role": rule.example_role,
        "also_fires": list(rule.also_fires),
        "may_not_apply": rule.may_not_apply,
    }
