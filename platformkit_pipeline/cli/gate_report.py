"""An answer of a gate as text, JSON and Markdown. Nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.cli.scan_table import printable
from platformkit_pipeline.model.merge_decision import MergeDecision, merge_decision_to_json
from platformkit_pipeline.model.parity_gate import name_of
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.operations.decide_gate import GateDecision, decision_to_json
from platformkit_pipeline.operations.gate_client import CheckVerdict, GateAnswer
from platformkit_pipeline.reporting.markdown import code, escape
from platformkit_pipeline.reporting.parity_markdown import HEADLINES as MERGE_HEADLINES
from platformkit_pipeline.reporting.parity_markdown import merge_markdown

SCHEMA_VERSION = 1
_FINDINGS_SHOWN = 50
_HEADLINES = {"yes": "may be {}", "no": "must not be {}"}
_DONE = {"deploy": "deployed", "registration": "registered", "merge": "merged"}
_NO_ANSWER = "cannot be decided on"


def rendered(answer: GateAnswer, form: str) -> str:
    """`form` is text, json or markdown."""
    decision = answer.decision
    if form == "json":
        return _json(answer, merge_decision_to_json(decision) if isinstance(decision, MergeDecision) else decision_to_json(decision))
    if isinstance(decision, MergeDecision):
        lines = _merge_markdown(answer, decision) if form == "markdown" else _merge_text(answer, decision)
    else:
        lines = _markdown(answer, decision) if form == "markdown" else _text(answer, decision)
    if form != "markdown":
        lines = map(printable, lines)  # a line that begins with :: is a command to whoever reads the log of a workflow
    return "\n".join(lines) + "\n"


def _json(answer: GateAnswer, decision: dict[str, Any]) -> str:
    document = {
        "schema_version": SCHEMA_VERSION,
        "decision": decision,
        "run": {"id": answer.run_id, "url": answer.run_url},
        "checks": [
            {"asset": c.asset, "name": c.name, "passed": c.passed, "severity": c.severity, "description": c.description}
            for c in answer.checks
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _text(answer: GateAnswer, decision: GateDecision) -> Iterator[str]:
    yield f"{decision.verdict.upper()}: {decision.target} {_headline(decision)}"
    yield from (f"  {reason}" for reason in decision.reasons)
    if decision.blocking:
        yield ""
        yield "Blocking findings:"
        for finding in decision.blocking[:_FINDINGS_SHOWN]:
            yield f"  {finding.rule}  {finding.object}"
            yield f"          {finding.message}"
            if finding.category:
                yield f"          {finding.category}: {finding.consequence}"
        yield from _left_out(decision)
    if decision.covers:
        yield from ("", "Excused today:")
        for cover in decision.covers[:_FINDINGS_SHOWN]:
            yield f"  {cover.severity:8}  {cover.fingerprint}  {cover.kind} {cover.cover_id}, until {cover.last_day}"
    yield from _checks_text(answer)
    yield f"{_score(decision)}{_decided(decision)}Run {answer.run_url}"


def _markdown(answer: GateAnswer, decision: GateDecision) -> Iterator[str]:
    yield f"# {decision.verdict.upper()}: {escape(decision.target)} {_headline(decision)}"
    yield ""
    yield from (f"- {escape(reason)}" for reason in decision.reasons)
    if decision.blocking:
        yield from ("", "| Rule | Object | What is wrong | What follows |", "| --- | --- | --- | --- |")
        for finding in decision.blocking[:_FINDINGS_SHOWN]:
            follows = f"{finding.category}: {finding.consequence}" if finding.category else ""
            yield f"| {finding.rule} | {code(finding.object)} | {escape(finding.message)} | {escape(follows)} |"
        yield from _left_out(decision)
    if decision.covers:
        yield from ("", "| Excused today | Severity | By | Until |", "| --- | --- | --- | --- |")
        for cover in decision.covers[:_FINDINGS_SHOWN]:
            yield f"| {code(cover.fingerprint)} | {cover.severity} | {escape(f'{cover.kind} {cover.cover_id}')} | {cover.last_day} |"
    yield from _checks_markdown(answer)
    yield f"{_score(decision)}{_decided(decision)}[Run]({answer.run_url})"


def _merge_text(answer: GateAnswer, decision: MergeDecision) -> Iterator[str]:
    compared = decision.comparison
    commit = f" (commit {decision.commit[:12]})" if decision.commit else ""
    yield f"{decision.verdict.upper()}: {decision.target} {MERGE_HEADLINES.get(decision.verdict, _NO_ANSWER)}{commit}"
    yield from (f"  {reason}" for reason in decision.reasons)
    if compared.failing:
        worse = {r.key for r in compared.worse}
        yield from ("", "Checks that do not pass:")
        for result in sorted(compared.failing, key=lambda r: (r.severity.rank, r.sort_key))[:_FINDINGS_SHOWN]:
            new = ", passed at the base" if result.key in worse else ""
            yield f"  {result.severity.value:8}  {name_of(result)}{new}"
            yield f"            {'cannot tell: ' if result.outcome is Outcome.UNKNOWN else ''}{result.message}"
        if len(compared.failing) > _FINDINGS_SHOWN:
            yield ""
            yield f"{len(compared.failing) - _FINDINGS_SHOWN} more are not listed here; --format json has them all."
    yield from _checks_text(answer)
    base = compared.base.score if compared.base else None
    yield f"Parity {_parity(compared.head.score)}, base {_parity(base)}. Run {answer.run_url}"


def _merge_markdown(answer: GateAnswer, decision: MergeDecision) -> Iterator[str]:
    yield merge_markdown(decision).rstrip("\n")
    yield from _checks_markdown(answer)
    yield f"[Run]({answer.run_url})"


def _checks_text(answer: GateAnswer) -> Iterator[str]:
    if answer.checks:
        yield from ("", "Checks:")
        yield from (f"  {_state(check):5}  {check.asset}: {check.description}" for check in answer.checks)
    yield ""


def _checks_markdown(answer: GateAnswer) -> Iterator[str]:
    if answer.checks:
        yield from ("", "| Check | Result | |", "| --- | --- | --- |")
        yield from (f"| {code(check.asset)} | {_state(check)} | {escape(check.description)} |" for check in answer.checks)
    yield ""


def _parity(score: Score | None) -> str:
    if score is None:
        return "none"
    return f"{score.raw_display}" + ("" if score.effective == score.raw else f" ({score.effective_display} with waivers)")


def _headline(decision: GateDecision) -> str:
    said = _HEADLINES.get(decision.verdict, _NO_ANSWER).format(_DONE.get(decision.gate, "deployed"))
    said = f"{said}, overridden" if decision.overridden else said
    return f"{said} (commit {decision.commit[:12]})" if decision.commit else said


def _left_out(decision: GateDecision) -> Iterator[str]:
    if len(decision.blocking) > _FINDINGS_SHOWN:
        yield ""
        yield f"{len(decision.blocking) - _FINDINGS_SHOWN} more are not listed here; --format json has them all."


def _state(check: CheckVerdict) -> str:
    return "ok" if check.passed else check.severity


def _decided(decision: GateDecision) -> str:
    return f"Decision {decision.decision_id}. " if decision.decision_id else ""


def _score(decision: GateDecision) -> str:
    if decision.raw_score is None:
        return ""
    waived = "" if decision.effective_score == decision.raw_score else f" ({decision.effective_score} with waivers)"
    return f"Score {decision.raw_score}{waived}. "
