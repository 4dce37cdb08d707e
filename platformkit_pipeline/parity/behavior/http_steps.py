"""HTTP steps: real requests to the target's own Data API. Nothing takes them back, so those that write need the owner's leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from platformkit_pipeline.parity.api.callers import Callers, Refused
from platformkit_pipeline.parity.api.document import SAFE_METHODS
from platformkit_pipeline.parity.api.exchange import Answer, Ask, Service, Unanswered, as_json
from platformkit_pipeline.parity.behavior.document import REFERENCE, HttpStep
from platformkit_pipeline.parity.behavior.values import Saved, differences, filled
from platformkit_pipeline.parity.behavior.verdicts import Verdict, failed, passed, undecided
from platformkit_pipeline.parity.surroundings import Surroundings

_NOTHING = object()


def verdict_of_http(step: HttpStep, saved: Saved, surroundings: Surroundings) -> Verdict:
    """One request and its answer held against what is expected."""
    api = surroundings.data_api
    if api is None:
        return undecided("the target has no Data API in the settings: data_api names its URL")
    if step.http.method not in SAFE_METHODS and not surroundings.writes_allowed:
        return undecided(f"{step.http.method} is not tried: rows of this target may not be changed")
    with Service(api.url) as service:
        try:
            headers = Callers(service, api).headers(step.actor)
            answer = service.ask(_ask(step, saved, headers), seconds=surroundings.statement_timeout_seconds)
        except (Refused, Unanswered) as reason:
            return undecided(str(reason))
    return _judged(step, saved, answer)


def _ask(step: HttpStep, saved: Saved, headers: dict[str, str]) -> Ask:
    """In the path, a saved value is one value: whatever is in it is quoted."""
    path = REFERENCE.sub(lambda m: quote(str(saved[m[1]]), safe=""), step.http.path)
    headers = {**filled(step.http.headers, saved), **headers}
    content = None
    if step.http.json_body is not None:
        content, media = as_json(json.loads(json.dumps(filled(step.http.json_body, saved), default=str)))
        headers = {**media, **headers}
    return Ask(step.http.method, path, headers, content)


def _judged(step: HttpStep, saved: Saved, answer: Answer) -> Verdict:
    body = _body(answer)
    told = list(_told(step, saved, answer, body))
    if told:
        return failed(told)
    values = {name: _at(body, pointer) for name, pointer in step.save.items()}
    missing = [step.save[name] for name, value in values.items() if value is _NOTHING]
    return failed([f"there is nothing at {missing[0] or 'the root'} of the answer to save"]) if missing else passed(values)


def _told(step: HttpStep, saved: Saved, answer: Answer, body: Any) -> Iterator[str]:
    expect = step.expect
    if expect.status is not None and answer.status != expect.status:
        yield f"status: expected {expect.status}, found {answer.status}"
    if expect.status is None and answer.status >= 400:
        yield f"status: expected none of 400 and above, found {answer.status}"
    for name, wanted in expect.headers.items():
        if not answer.headers.get(name.lower(), "").startswith(str(filled(wanted, saved))):
            yield f"header {name}: expected {wanted}, found {'another value' if name.lower() in answer.headers else 'none'}"
    if "json_body" in expect.model_fields_set:
        if body is _NOTHING:
            yield "the answer is no JSON"
        else:
            yield from differences(expect.json_body, body, "json", saved)


def _body(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return _NOTHING


def _at(body: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to."""
    found = body
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            return _NOTHING
    return found
