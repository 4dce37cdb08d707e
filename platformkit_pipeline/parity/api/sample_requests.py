"""Declared sample requests: status, headers, time, and the promised document, each held against the live answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.parity.api.callers import Callers, Refused
from platformkit_pipeline.parity.api.document import SAFE_METHODS, Request
from platformkit_pipeline.parity.api.exchange import Answer, Ask, Service, Unanswered, as_json
from platformkit_pipeline.parity.api.promise import NotPromised, Promise, Undecided


@dataclass(frozen=True, slots=True)
class Judged:
    outcome: Outcome
    message: str
    evidence: Mapping[str, Any]
    seconds: float = 0.0


def judge_request(request: Request, service: Service, callers: Callers, promise: Promise | str | None, *, writes_allowed: bool) -> Judged:
    """`promise`: the document, None where none was given, or the reason why it cannot be used. Raises nothing."""
    evidence: dict[str, Any] = {"request": f"{request.method} {request.path.split('?', 1)[0]}"}
    if request.method not in SAFE_METHODS and not writes_allowed:
        reason = f"{request.method} may change rows, which the settings do not allow here (probe_writes; never on production)"
        return Judged(Outcome.UNKNOWN, reason, evidence)
    try:
        answer = service.ask(_ask(request, callers))
    except (Refused, Unanswered) as reason:
        return Judged(Outcome.UNKNOWN, str(reason), evidence)
    evidence |= {"status": answer.status, "milliseconds": math.ceil(answer.seconds * 1000)}
    faults = list(_faults(request, answer))
    try:
        if request.expect.document and promise is not None:
            faults += _broken_promises(request, answer, promise)
    except Undecided as reason:
        if not faults:
            return Judged(Outcome.UNKNOWN, str(reason), evidence, answer.seconds)
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        return Judged(Outcome.FAIL, shown, {**evidence, "faults": faults}, answer.seconds)
    return Judged(Outcome.PASS, "", evidence, answer.seconds)


def _ask(request: Request, callers: Callers) -> Ask:
    headers = {"Accept": "application/json", **request.headers, **callers.headers(request.caller)}
    content, kind = as_json(request.body) if request.body is not None else (None, {})
    return Ask(request.method, request.path, {**kind, **headers}, content)


def _faults(request: Request, answer: Answer) -> Iterator[str]:
    expected = request.expect
    if answer.status not in expected.statuses:
        yield f"the status is {answer.status}; expected: {' or '.join(map(str, expected.statuses))}"
    for name, value in sorted(expected.headers.items()):
        told = answer.headers.get(name.lower())
        if told is None:
            yield f"the header {name} is missing"
        elif value not in ("*", told):
            yield f"the header {name} is not {value!r}"
    if expected.latency_ms is not None and answer.seconds * 1000 > expected.latency_ms:
        yield f"took {math.ceil(answer.seconds * 1000)} ms; at most {expected.latency_ms} ms"


def _broken_promises(request: Request, answer: Answer, promise: Promise | str) -> list[str]:
    """Raises Undecided."""
    if isinstance(promise, str):
        raise Undecided(promise)
    try:
        operation = promise.operation(request.method, request.path)
    except NotPromised as reason:
        raise Undecided(f"{reason}; promise it, or say `expect: {{document: false}}`") from None
    try:
        content = promise.content(operation, answer.status)
    except NotPromised as reason:
        # PostgREST's document tells no errors: a status that the contract itself expects is promised by it
        return [] if answer.status in request.expect.statuses and answer.status >= 400 else [str(reason)]
    return [] if request.method == "HEAD" else promise.faults(content, answer, partial=request.expect.partial)
