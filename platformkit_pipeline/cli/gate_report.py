"""An answer of the gate as text, JSON and Markdown. Nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Iterator

from platformkit_pipeline.operations.decide_gate import GateDecision, decision_to_json
from platformkit_pipeline.operations.gate_client import CheckVerdict, GateAnswer
from platformkit_pipeline.reporting.markdown import code, escape

SCHEMA_VERSION = 1
_FINDINGS_SHOWN = 50
_HEADLINES = {"yes": "may be {}", "no": "must not be {}"}
_DONE = {"deploy": "deployed", "registration": "registered"}
_NO_ANSWER = "cannot be decided on"


def rendered(answer: GateAnswer, form: str) -> str:
    """`form` is text, json or markdown."""
    match form:
        case "json":
            return _json(answer)
        case "markdown":
            return "\n".join(_markdown(answer)) + "\n"
        case _:
            return "\n".join(_text(answer)) + "\n"


def _json(answer: GateAnswer) -> str:
    document = {
        "schema_version": SCHEMA_VERSION,
        "decision": decision_to_json(answer.decision),
        "run": {"id": answer.run_id, "url": answer.run_url},
        "checks": [
            {"asset": c.asset, "name": c.name, "passed": c.passed, "severity": c.severity, "description": c.description}
            for c in answer.checks
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _text(answer: GateAnswer) -> Iterator[str]:
    decision = answer.decision
    yield f"{decision.verdict.upper()}: {decision.target} {_headline(decision)}"
    yield from (f"  {reason}" for reason in decision.reasons)
    if decision.blocking:
        yield ""
        yield "Blocking findings:"
        for finding in decision.blocking[:_FINDINGS_SHOWN]:
            yield f"  {finding.rule}  {finding.object}"
            yield f"          {finding.message}"
        yield from _left_out(decision)
    if answer.checks:
        yield ""
        yield "Checks:"
        yield from (f"  {_state(check):5}  {check.asset}: {check.description}" for check in answer.checks)
    yield ""
    yield f"{_score(decision)}Run {answer.run_url}"


def _markdown(answer: GateAnswer) -> Iterator[str]:
    decision = answer.decision
    yield f"# {decision.verdict.upper()}: {escape(decision.target)} {_headline(decision)}"
    yield ""
    yield from (f"- {escape(reason)}" for reason in decision.reasons)
    if decision.blocking:
        yield from ("", "| Rule | Object | What is wrong |", "| --- | --- | --- |")
        for finding in decision.blocking[:_FINDINGS_SHOWN]:
            yield f"| {finding.rule} | {code(finding.object)} | {escape(finding.message)} |"
        yield from _left_out(decision)
    if answer.checks:
        yield from ("", "| Check | Result | |", "| --- | --- | --- |")
        yield from (f"| {code(check.asset)} | {_state(check)} | {escape(check.description)} |" for check in answer.checks)
    yield ""
    yield f"{_score(decision)}[Run]({answer.run_url})"


def _headline(decision: GateDecision) -> str:
    said = _HEADLINES.get(decision.verdict, _NO_ANSWER).format(_DONE.get(decision.gate, "deployed"))
    return f"{said} (commit {decision.commit[:12]})" if decision.commit else said


def _left_out(decision: GateDecision) -> Iterator[str]:
    if len(decision.blocking) > _FINDINGS_SHOWN:
        yield ""
        yield f"{len(decision.blocking) - _FINDINGS_SHOWN} more are not listed here; --format json has them all."


def _state(check: CheckVerdict) -> str:
    return "ok" if check.passed else check.severity


def _score(decision: GateDecision) -> str:
    if decision.raw_score is None:
        return ""
    waived = "" if decision.effective_score == decision.raw_score else f" ({decision.effective_score} with waivers)"
    return f"Score {decision.raw_score}{waived}. "
