"""The agenda of the annual review, with the figures since the last one, in Markdown (clause 11.2). The same figures, the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from platformkit_pipeline.model.clauses import CLAUSES
from platformkit_pipeline.reporting.constitution_book import clauses_without_a_rule
from platformkit_pipeline.reporting.markdown import code, escape
from platformkit_pipeline.rules.registry import Rule

MOST_ROWS = 50
"""Of one list; what is left out is counted. An issue of GitHub holds 65,536 characters."""
_NOTHING = "none"


def review_agenda(
    figures: Mapping[str, Any], rules: Sequence[Rule], *, year: int, due: date, since: datetime, now: datetime, constitution: str | None
) -> str:
    """What a review goes through, point by point; `figures` are those of `control_plane.reviews.figures`."""
    return "\n".join(
        [
            f"# Review of the constitution {year}",
            "",
            f"Due by {due}. Figures from {since:%Y-%m-%d} to {now:%Y-%m-%d} (UTC). Constitution version: {constitution or 'not observed'}.",
            *_points(figures, rules),
            "",
            "## 12 Outcome",
            "",
            "- [ ] What changes in the constitution: one amendment document per change, with a migration plan",
            "- [ ] What changes in rules, gates and limits",
            f"- [ ] Record it: `platformkit review complete --year {year} --by NAME --outcome TEXT`",
            "",
        ]
    )


def _points(figures: Mapping[str, Any], rules: Sequence[Rule]) -> Iterator[str]:
    yield from _section(1, "Clauses", _clauses(rules))
    yield from _section(2, "Exceptions in force", _exceptions(figures))
    yield from _section(3, "Waivers", [_counts(figures["waivers"], ("granted", "revoked", "lapsed", "in_force"))])
    yield from _section(4, "Alerts", _alerts(figures))
    yield from _section(5, "Gates", [*_by_name(figures["gates"]), f"- overridden: {figures['gates_overridden']}"])
    yield from _section(6, "Amendments", _amendments(figures))
    yield from _section(7, "Targets and scores", _scores(figures))
    yield from _section(8, "Findings and the rules that found most", _findings(figures, {rule.code: rule.name for rule in rules}))
    yield from _section(9, "Remediation applied", _by_name(figures["remediation"]))
    yield from _section(10, "Incidents", [f"- failed runs and scans, stale targets, breaks of the audit chain: {figures['incidents']}"])
    yield from _section(11, "Milestones", _milestones(figures))


def _section(number: int, title: str, lines: Sequence[str]) -> Iterator[str]:
    yield from ("", f"## {number} {title}", "", *(lines or [f"- {_NOTHING}"]))


def _clauses(rules: Sequence[Rule]) -> list[str]:
    unjudged = clauses_without_a_rule(rules)
    lines = [f"- {len(CLAUSES)} clauses, {len(rules)} rules; is every clause still right, and still kept by the right means?"]
    lines += [f"- no rule judges {c.number} {c.title}: {c.also[0].mechanism.value}, {c.also[0].what}" for c in unjudged]
    return lines


def _exceptions(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        f"- {escape(one['repository'])}: {code(one['path'])}, {', '.join(one['rules'])}, until {one['expires_on']}"
        for one in figures["exceptions"]
    ]
    return [*_cut(rows), f"- lapsed since: {figures['exceptions_lapsed']}"]


def _alerts(figures: Mapping[str, Any]) -> list[str]:
    return [*_by_name(figures["alerts"]), f"- open now: {figures['alerts_open']}"]


def _amendments(figures: Mapping[str, Any]) -> list[str]:
    rows = [f"- {one['version']}, {escape(one['title'])}: due {one['deadline']}" for one in figures["amendments_announced"]]
    outstanding = figures["amendments_outstanding"]
    return [*_cut(rows), f"- migrations outstanding: {outstanding['targets']} targets, {outstanding['overdue']} of them overdue"]


def _scores(figures: Mapping[str, Any]) -> list[str]:
    scores = figures["scores"]
    head = [
        *_by_name(figures["targets"]),
        f"- scans: {figures['scans']}",
        f"- mean score: first {_shown(scores['mean_first'])}, last {_shown(scores['mean_last'])}, "
        f"last with waivers {_shown(scores['mean_last_effective'])}",
    ]
    rows = [
        f"| {escape(one['name'])} | {one['kind']} | {_shown(one['first'])} | {_shown(one['last'])} | {_shown(one['last_effective'])} |"
        for one in figures["targets_by_score"]
    ]
    if not rows:
        return head
    return [*head, "", "| Target | Kind | First | Last | With waivers |", "| --- | --- | ---: | ---: | ---: |", *_cut(rows)]


def _findings(figures: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    lines = [_counts(figures["findings"], ("opened", "resolved", "open", "open_critical", "open_high"))]
    lines += [f"- {one['rule']} {names.get(one['rule'], '')}: opened {one['opened']}, open {one['open']}" for one in figures["top_rules"]]
    return lines


def _milestones(figures: Mapping[str, Any]) -> list[str]:
    versions = [f"- the constitution reached version {one['version']}" for one in figures["amendments_announced"]]
    return [*_cut(versions), f"- targets scanned for the first time: {figures['first_scanned']}"]


def _by_name(counts: Mapping[str, int]) -> list[str]:
    return [f"- {name.replace('_', ' ')}: {number}" for name, number in counts.items()]


def _counts(counts: Mapping[str, int], names: Sequence[str]) -> str:
    told = (f"{name.replace('_', ' ')} {counts[name]}" for name in names)
    return f"- {', '.join(told)}"


def _cut(rows: Sequence[str]) -> list[str]:
    left = len(rows) - MOST_ROWS
    return [*rows[:MOST_ROWS], *([f"\n{left} more are not listed here."] if left > 0 else [])]


def _shown(score: float | None) -> str:
    return "–" if score is None else f"{score:.1f}"
