"""Requests made up by schemathesis from the promised document, sent by us: to the declared host, within the budget.

schemathesis makes cases and nothing else. It is heavy and optional, so it is imported when a contract asks for it.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.parity.api.callers import Callers, Refused
from platformkit_pipeline.parity.api.document import SAFE_METHODS, Generated
from platformkit_pipeline.parity.api.exchange import ANSWER_SECONDS, Answer, Ask, Service, Unanswered
from platformkit_pipeline.parity.api.promise import NotPromised, Promise, Undecided
from platformkit_pipeline.parity.api.sample_requests import Judged

INSTALL = "generated requests need schemathesis: install platformkit-pipeline[api-contracts]"
_LOST = 3
"""Requests without an answer after which the service is not asked any more."""
_OURS = "http://generated.invalid"


@dataclass(slots=True)
class _Tally:
    until: float
    left: int
    sent: int = 0
    unanswered: list[str] = field(default_factory=list)
    faults: dict[str, None] = field(default_factory=dict)
    undecided: dict[str, None] = field(default_factory=dict)
    operations: Counter[str] = field(default_factory=Counter)

    @property
    def spent(self) -> bool:
        return self.left <= 0 or time.monotonic() > self.until or len(self.unanswered) >= _LOST


class _Spent(Exception):
    pass


def judge_generated(generated: Generated, service: Service, callers: Callers, promise: Promise, *, writes_allowed: bool) -> Judged:
    """Raises nothing."""
    evidence: dict[str, Any] = {"seed": generated.seed, "requests": 0}
    try:
        import hypothesis
        import schemathesis
        from hypothesis.configuration import set_hypothesis_home_dir
    except ImportError:
        return Judged(Outcome.UNKNOWN, INSTALL, evidence)
    unsafe = generated.unsafe_methods and writes_allowed
    if generated.unsafe_methods and not writes_allowed:
        return Judged(Outcome.UNKNOWN, "methods that change rows are not allowed here by the settings (probe_writes)", evidence)
    try:
        headers = callers.headers(generated.caller)
    except Refused as reason:
        return Judged(Outcome.UNKNOWN, str(reason), evidence)
    start = time.monotonic()
    tally = _Tally(start + generated.seconds, generated.examples)
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        # tables of characters; in the working directory otherwise
        set_hypothesis_home_dir(home_directory() / "cache" / "hypothesis")
        stack.callback(set_hypothesis_home_dir, None)
        try:
            schema = schemathesis.openapi.from_dict(dict(promise.document.root))
            operations = [o for o in _operations(schema) if unsafe or o.method.upper() in SAFE_METHODS]
        except Exception as error:  # whatever a foreign reader finds wrong with a document that ours could read
            return Judged(Outcome.UNKNOWN, f"no requests can be made from the document ({type(error).__name__})", evidence)
        for position, operation in enumerate(operations):
            share = max(1, tally.left // (len(operations) - position))
            _try_operation(hypothesis, operation, generated.seed, share, tally, _sender(service, headers, promise, tally))
            if tally.spent:
                break
    return _judged(tally, generated, len(operations), time.monotonic() - start)


def _operations(schema: Any) -> Iterator[Any]:
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation is not None:
            yield operation


def _sender(service: Service, headers: dict[str, str], promise: Promise, tally: _Tally) -> Any:
    def send(case: Any) -> None:
        if tally.spent:
            raise _Spent
        ask = _ask(case, headers)
        if ask is None:
            return
        tally.left -= 1
        tally.sent += 1
        tally.operations[f"{case.method} {case.path}"] += 1
        seconds = max(0.1, min(ANSWER_SECONDS, tally.until - time.monotonic()))
        try:
            answer = service.ask(ask, seconds=seconds)
        except Unanswered as reason:
            if time.monotonic() < tally.until:
                tally.unanswered.append(str(reason))
            return
        for fault in _faults(promise, case, answer, tally):
            tally.faults[f"{case.method.upper()} {case.path}: {fault}"] = None

    return send


def _ask(case: Any, headers: dict[str, str]) -> Ask | None:
    """The case as a request of ours; None where it cannot be one. Its own credentials and host headers are left out."""
    sent = case.as_transport_kwargs(base_url=_OURS)
    url = sent["url"]
    if not url.startswith(f"{_OURS}/"):
        return None
    query = urlencode(sent.get("params") or {}, doseq=True, errors="replace")
    path = url.removeprefix(_OURS) + (("&" if "?" in url else "?") + query if query else "")
    kept = {n: str(v) for n, v in (case.headers or {}).items() if n.lower() not in ("host", "authorization", "apikey", "cookie")}
    if not all(v.isascii() and v.isprintable() and v == v.strip() for v in kept.values()):
        return None
    content = sent.get("data")
    if "json" in sent:
        content, kept["Content-Type"] = json.dumps(sent["json"]), "application/json"
    body = content.encode(errors="replace") if isinstance(content, str) else content if isinstance(content, bytes) else None
    return Ask(case.method.upper(), path, {"Accept": "application/json", **kept, **headers}, body)


def _try_operation(hypothesis: Any, operation: Any, seed: int, share: int, tally: _Tally, send: Any) -> None:
    settings = hypothesis.settings(
        max_examples=share,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
    )
    run = hypothesis.seed(seed)(settings(hypothesis.given(operation.as_strategy())(send)))
    try:
        run()
    except _Spent:
        return
    except Exception as error:  # schemas that no value fits, and the like: the operation is not tried, and that is told
        tally.undecided[f"{operation.method.upper()} {operation.path}: no requests can be made ({type(error).__name__})"] = None


def _faults(promise: Promise, case: Any, answer: Answer, tally: _Tally) -> list[str]:
    if answer.status >= 500:
        return [f"a request that keeps to the document was answered with status {answer.status}"]
    try:
        operation = promise.operation(case.method.upper(), case.path)
        content = promise.content(operation, answer.status)
        return [] if case.method.upper() == "HEAD" else promise.faults(content, answer)
    except NotPromised as reason:
        # a refusal need not be told in the document; a success must be
        return [] if 300 <= answer.status < 500 else [str(reason)]
    except Undecided as reason:
        tally.undecided[f"{case.method.upper()} {case.path}: {reason}"] = None
        return []


def _judged(tally: _Tally, generated: Generated, operations: int, seconds: float) -> Judged:
    evidence = {
        "seed": generated.seed,
        "requests": tally.sent,
        "operations": operations,
        "tried": len(tally.operations),
        "faults": list(tally.faults)[:20],
    }
    if tally.faults:
        shown = "; ".join(list(tally.faults)[:3])
        return Judged(
            Outcome.FAIL, f"{shown} ({len(tally.faults)} faults in {tally.sent} requests, seed {generated.seed})", evidence, seconds
        )
    if tally.unanswered:
        return Judged(Outcome.UNKNOWN, f"{len(tally.unanswered)} requests had no answer: {tally.unanswered[0]}", evidence, seconds)
    if tally.undecided:
        return Judged(Outcome.UNKNOWN, next(iter(tally.undecided)), evidence, seconds)
    if len(tally.operations) < operations or operations == 0:
        reason = "the budget ended" if operations else "the document has no operation that may be tried"
        return Judged(Outcome.UNKNOWN, f"{reason}: {len(tally.operations)} of {operations} operations were tried", evidence, seconds)
    return Judged(Outcome.PASS, "", evidence, seconds)
