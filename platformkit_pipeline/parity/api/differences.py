"""What breaks clients of a promised API in the live one. Pure: two documents in, differences out; no order of keys matters.

What is not breaking (anything optional that is new, anything a response has more, anything a request may have more) is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from platformkit_pipeline.parity.api.breaking import Difference, Kind
from platformkit_pipeline.parity.api.openapi_document import OpenApi
from platformkit_pipeline.parity.api.operations import Api, Content, Operation, Parameter, read_api
from platformkit_pipeline.parity.api.schema_differences import Comparison, schema_differences
from platformkit_pipeline.parity.api.value_differences import At

_ANY_MEDIA = "*/*"


@dataclass(frozen=True, slots=True)
class Compared:
    """All differences, worst first, and how many of the promised operations have none."""

    differences: tuple[Difference, ...]
    operations: int
    unchanged: int


def compare(promised: OpenApi, live: OpenApi) -> Compared:
    """Hold the live document against the promised one. Raises nothing."""
    one, other = read_api(promised), read_api(live)
    comparison = Comparison(promised, live)
    differences: dict[str, Difference] = {}
    touched: set[tuple[str, str]] = set()
    keys = sorted(one.operations.keys() | one.unreadable.keys())
    for key in keys:
        found = list(_at(comparison, one, other, key))
        for difference in found:
            touched.add(key)
            differences.setdefault(difference.fingerprint, difference)
    ordered = tuple(sorted(differences.values(), key=lambda d: d.sort_key))
    return Compared(ordered, len(keys), len(keys) - len(touched))


def _at(comparison: Comparison, promised: Api, live: Api, key: tuple[str, str]) -> Iterator[Difference]:
    path, method = key
    ours = promised.operations.get(key)
    label = ours.label if ours else f"{method.upper()} {path}"
    reason = promised.unreadable.get(key) or live.unreadable.get(key)
    if reason is not None or ours is None:
        yield Difference(Kind.UNDECIDED, label, "", f"cannot be compared: {reason}")
        return
    theirs = live.operations.get(key)
    comparison.pairs = 0
    if theirs is not None:
        yield from _operation(comparison, ours, theirs)
    elif any(other == path for other, _ in (*live.operations, *live.unreadable)):
        yield Difference(Kind.OPERATION_REMOVED, label, "", "the operation is gone")
    else:
        yield Difference(Kind.PATH_REMOVED, ours.path, "", "the path is gone")


def _operation(comparison: Comparison, ours: Operation, theirs: Operation) -> Iterator[Difference]:
    label = ours.label
    for key in sorted(ours.parameters.keys() | theirs.parameters.keys()):
        yield from _parameter(comparison, label, ours.parameters.get(key), theirs.parameters.get(key))
    yield from _body(comparison, label, ours.body, theirs.body)
    for status in sorted(ours.responses):
        yield from _response(comparison, label, status, ours, theirs)
    yield from _security(label, ours, theirs)


def _parameter(comparison: Comparison, label: str, ours: Parameter | None, theirs: Parameter | None) -> Iterator[Difference]:
    shown = ours or theirs
    if shown is None:
        return
    place = f"{shown.location} parameter {shown.name}"
    at = At(label, place, request=True)
    if ours is None:
        if shown.required:
            yield at.told(Kind.PARAMETER_REQUIRED_ADDED, "is new and required")
    elif theirs is None:
        yield at.told(Kind.PARAMETER_REMOVED, "is gone")
    else:
        if theirs.required and not ours.required:
            yield at.told(Kind.PARAMETER_BECAME_REQUIRED, "is required now")
        if ours.style and theirs.style and ours.style != theirs.style:
            yield at.told(Kind.PARAMETER_STYLE_CHANGED, f"was written as {ours.style} and is as {theirs.style}")
        yield from schema_differences(comparison, ours.schema, theirs.schema, at)


def _body(comparison: Comparison, label: str, ours: Content | None, theirs: Content | None) -> Iterator[Difference]:
    at = At(label, "request body", request=True)
    if ours is None:
        if theirs is not None and theirs.required:
            yield at.told(Kind.BODY_REQUIRED_ADDED, "is new and required")
        return
    if theirs is None:
        yield at.told(Kind.BODY_REMOVED, "is not read any more")
        return
    if theirs.required and not ours.required:
        yield at.told(Kind.BODY_BECAME_REQUIRED, "is required now")
    yield from _contents(comparison, label, "request", ours, theirs, request=True)


def _contents(comparison: Comparison, label: str, place: str, ours: Content, theirs: Content, *, request: bool) -> Iterator[Difference]:
    gone = Kind.REQUEST_MEDIA_TYPE_REMOVED if request else Kind.RESPONSE_MEDIA_TYPE_REMOVED
    shown: list[tuple[object, object]] = []
    for media, schema in sorted(ours.schemas.items()):
        at = At(label, f"{place} {media} ", request=request)
        if media not in theirs.schemas and _ANY_MEDIA not in theirs.schemas:
            if theirs.schemas or request:
                yield At(label, f"{place} {media}", request=request).told(gone, "is gone")
            else:  # nothing is promised about the body any more
                yield from schema_differences(comparison, schema, True, at)
            continue
        other = theirs.schemas.get(media, theirs.schemas.get(_ANY_MEDIA))
        # Swagger 2.0 has one schema for all media types: one finding is enough
        if not any(a is schema and b is other for a, b in shown):
            shown.append((schema, other))
            yield from schema_differences(comparison, schema, other, at)


def _response(comparison: Comparison, label: str, status: str, ours: Operation, theirs: Operation) -> Iterator[Difference]:
    place = f"response {status}"
    content = next((theirs.responses[s] for s in (status, f"{status[:1]}XX", "default") if s in theirs.responses), None)
    if content is None:
        kind = Kind.RESPONSE_STATUS_REMOVED if status.startswith("2") else Kind.ERROR_STATUS_REMOVED
        yield Difference(kind, label, place, "is gone")
        return
    promised = ours.responses[status]
    yield from _contents(comparison, label, place, promised, content, request=False)
    for name, (always, schema) in sorted(promised.headers.items()):
        at = At(label, f"{place} header {name}", request=False)
        if name not in content.headers:
            yield at.told(Kind.RESPONSE_HEADER_REMOVED, "is gone")
        else:
            if always and not content.headers[name][0]:
                yield at.told(Kind.RESPONSE_HEADER_OPTIONAL, "may be missing now")
            yield from schema_differences(comparison, schema, content.headers[name][1], at)


def _security(label: str, ours: Operation, theirs: Operation) -> Iterator[Difference]:
    for way in sorted(ours.security, key=sorted):
        if not any(demanded <= way for demanded in theirs.security):
            before = " and ".join(sorted(way)) or "no credentials"
            now = "; or ".join(sorted(" and ".join(sorted(w)) for w in theirs.security))
            yield Difference(Kind.SECURITY_ADDED, label, f"security {before}", f"{before} sufficed; now needed: {now}")
