"""Answers held against the promised document, in all versions of OpenAPI."""

from __future__ import annotations

import json
from typing import Any

import pytest

from platformkit_pipeline.parity.api.exchange import Answer
from platformkit_pipeline.parity.api.openapi_document import as_openapi
from platformkit_pipeline.parity.api.operations import read_api
from platformkit_pipeline.parity.api.promise import NotPromised, Promise, Undecided
from platformkit_pipeline_tests.parity.api.pairs import I, S, document, get, obj

_TREE = {"Node": obj(("name",), name=S, child={"$ref": "#/components/schemas/Node"})}


def _promise(promised: dict[str, Any]) -> Promise:
    read = as_openapi(promised)
    return Promise(read, read_api(read))


def _faults(promised: dict[str, Any], body: Any, *, media: str = "application/json; charset=utf-8", partial: bool = False) -> list[str]:
    promise = _promise(promised)
    content = promise.content(promise.operation("GET", "/orders?x=1"), 200)
    return promise.faults(content, Answer(200, {"content-type": media}, json.dumps(body).encode(), 0.1), partial=partial)


@pytest.mark.parametrize(
    ("schema", "version", "good", "bad", "told"),
    [
        (obj(("a",), a=S), "3.0.3", {"a": "x"}, {"a": 7}, "a is of type integer; promised: string"),
        ({**S, "nullable": True}, "3.0.3", None, 7, "the body is of type integer; promised: string or null"),
        ({**S, "nullable": True}, "3.1.0", "x", None, "the body is of type null; promised: string"),
        ({"type": ["string", "null"]}, "3.1.0", None, 7, "the body is of type integer; promised: string or null"),
        ({**S, "enum": ["x"], "nullable": True}, "3.0.3", None, "y", "the body breaks enum"),
        ({**I, "maximum": 9, "exclusiveMaximum": True}, "3.0.3", 8, 9, "the body breaks exclusiveMaximum"),
        ({**I, "exclusiveMaximum": 9}, "3.1.0", 8, 9, "the body breaks exclusiveMaximum"),
        (
            obj(("nullable",), nullable=S, example=I),
            "3.0.3",
            {"nullable": "x", "example": 1},
            {"nullable": "x", "example": "x"},
            "example is of",
        ),
        (
            obj(properties=obj(items=S)),
            "3.0.3",
            {"properties": {"items": "x"}},
            {"properties": {"items": 1}},
            "properties.items is of type",
        ),
        (obj(("id", "secret"), id=I, secret={**S, "writeOnly": True}), "3.0.3", {"id": 1}, {"secret": "x"}, "the body lacks id"),
        (
            {"type": "array", "items": {"allOf": [obj(("a",), a=S), obj(b=I)]}},
            "3.0.3",
            [{"a": "x"}],
            [{"a": "x", "b": "y"}],
            "[].b is of type",
        ),
        (
            {"$ref": "#/components/schemas/Node"},
            "3.0.3",
            {"name": "x", "child": {"name": "y"}},
            {"name": "x", "child": {}},
            "child lacks name",
        ),
        ({**S, "format": "uuid"}, "3.0.3", "7d5a4f0c-0000-4000-8000-000000000001", "7", "the body breaks format uuid"),
        (
            {"type": "object", "additionalProperties": I},
            "3.0.3",
            {"row-key": 1},
            {"row-key": "x"},
            "* is of type string; promised: integer",
        ),
        ({"type": "object", "additionalProperties": False}, "3.0.3", {}, {"row-key": 1}, "does not allow"),
    ],
)
def test_answers_pass_or_are_told_apart_without_their_values(schema: Any, version: str, good: Any, bad: Any, told: str) -> None:
    promised = document(get(schema), version, components={"schemas": _TREE})

    assert _faults(promised, good) == []
    faults = _faults(promised, bad)
    assert len(faults) == 1
    assert told in faults[0]
    assert "row-key" not in faults[0]


def test_partial_answers_may_lack_properties_and_nothing_else() -> None:
    promised = document(get({"type": "array", "items": obj(("a", "b"), a=S, b=I)}))

    assert _faults(promised, [{"a": "x"}], partial=True) == []
    assert _faults(promised, [{"a": 1}], partial=True) == ["[].a is of type integer; promised: string"]


def test_media_types_are_those_that_were_promised() -> None:
    assert _faults(document(get(S)), "x", media="text/html") == ["the media type is text/html; promised: application/json"]
    assert _faults(document(get(S)), "x", media="") == ["the media type is not told; promised: application/json"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "#/components/schemas/Nobody"},
        {"$ref": "#/components/schemas/Loop"},
        {"type": 7},
        {"type": "string", "pattern": "("},
    ],
    ids=["outside", "nowhere", "itself", "no type", "no pattern"],
)
def test_schemas_that_cannot_be_applied_are_undecided(schema: Any) -> None:
    promised = document(get(schema), components={"schemas": {"Loop": {"$ref": "#/components/schemas/Loop"}}})

    with pytest.raises(Undecided):
        _faults(promised, "x")


def test_paths_without_parameters_come_before_those_with() -> None:
    promised = document({"/o/{id}": get(S)["/orders"], "/o/mine": get(I)["/orders"], "/": get(S)["/orders"]})
    promise = _promise(promised)

    assert promise.operation("GET", "/o/mine").path == "/o/mine"
    assert promise.operation("HEAD", "/o/7?x=/o/mine").path == "/o/{id}"
    assert promise.operation("GET", "/").path == "/"
    for method, path in (("POST", "/o/7"), ("GET", "/o/7/8"), ("GET", "/nothing")):
        with pytest.raises(NotPromised):
            promise.operation(method, path)


@pytest.mark.parametrize("schema", ["pattern", "unfolding"])
@pytest.mark.no_cover  # the end of time may come while coverage holds its lock, which nobody gives back then
def test_a_promise_that_would_be_tried_for_ever_is_undecided(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformkit_pipeline.parity.api.promise._SECONDS", 0.5)
    doubled = {f"N{n}": {"allOf": [{"$ref": f"#/components/schemas/N{n + 1}"}] * 2} for n in range(60)} | {"N60": S}
    body = get(obj(("a",), a={**S, "pattern": "^(a+)+$"} if schema == "pattern" else {"$ref": "#/components/schemas/N0"}))
    promised = document(body, version="3.1.0", components={"schemas": doubled})
    with pytest.raises(Undecided, match=r"within 0\.5 s"):
        _faults(promised, {"a": "a" * 60 + "!"})
