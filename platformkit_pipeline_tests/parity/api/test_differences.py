"""Breaking changes between two OpenAPI documents: found where there are, and only there."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.parity.api.breaking import SEVERITIES, Kind
from platformkit_pipeline.parity.api.differences import Compared, compare
from platformkit_pipeline.parity.api.openapi_document import UnusableDocument, as_openapi, read_openapi
from platformkit_pipeline_tests.parity.api.pairs import PAIRS, Pair, document, get, obj, post, query


def _compared(promised: dict[str, Any], live: dict[str, Any]) -> Compared:
    return compare(as_openapi(promised), as_openapi(live))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_each_pair_gives_exactly_its_kinds(pair: Pair) -> None:
    found = _compared(pair.promised, pair.live)

    assert sorted(d.kind.value for d in found.differences) == sorted(pair.kinds)
    assert found.operations >= found.unchanged >= found.operations - len(found.differences)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_every_document_of_the_pairs_is_equal_to_itself(pair: Pair) -> None:
    for each in (pair.promised, pair.live):
        told = {d.kind for d in _compared(each, copy.deepcopy(each)).differences}

        assert told <= {Kind.UNDECIDED}
        assert bool(told) == (pair.name == "a reference leads out" and each is pair.promised)


def test_a_difference_within_an_alternative_is_found_there_and_everywhere_else() -> None:
    def api(leaf: str) -> dict[str, Any]:
        a, b = {"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}
        schemas = {"A": obj(("leaf",), leaf={"type": leaf}), "B": obj(("b",), b={"type": "string"})}
        return document(get(obj(one={"anyOf": [a, b]}, two=a)), components={"schemas": schemas})

    assert [d.where for d in _compared(api("string"), api("integer")).differences] == [
        "GET /orders: response 200 application/json one|A.leaf",
        "GET /orders: response 200 application/json two.leaf",
    ]


def test_fingerprints_name_kind_and_place_only() -> None:
    before = document({**get(obj(a={"type": "string"})), "/zoo": get()["/orders"]})
    after = document(get(obj()))
    first = _compared(before, after)
    reworded = copy.deepcopy(before)
    reworded["paths"] = dict(reversed(reworded["paths"].items()))
    reworded["paths"]["/orders"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["a"] = {
        "type": "integer"
    }

    assert {d.fingerprint for d in _compared(reworded, after).differences} == {d.fingerprint for d in first.differences}
    assert [(d.where, d.severity) for d in first.differences] == [
        ("/zoo", Severity.HIGH),
        ("GET /orders: response 200 application/json a", Severity.HIGH),
    ]


def test_every_kind_has_a_severity_and_a_pair() -> None:
    met = {kind for pair in PAIRS for kind in pair.kinds}

    assert set(SEVERITIES) == set(Kind)
    assert {k.value for k in Kind} - met == {
        "required-request-body-added",
        "request-body-removed",
        "request-format-changed",
        "response-header-became-optional",
    }


_TEN_TIMES_TEN = b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b", ".join([b"*%c" % (97 + n)] * 10)) for n in range(8))
_BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + _TEN_TIMES_TEN + b"openapi: 3.0.0\npaths: {}\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[]", "not a mapping"),
        (b'{"openapi": "4.0", "paths": {}}', "version 2.0, 3.0 or 3.1"),
        (b'{"openapi": "3.0.0"}', "it has no paths"),
        (b'{"openapi": "3.0.0", "paths": {}', "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"openapi": "3.0.0", "paths": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "nested"),
        (_BOMB, "unfolds to more than"),
        (b" " * 20_000_001, "larger than"),
    ],
    ids=["list", "version", "paths", "cut", "bytes", "deep", "bomb", "large"],
)
def test_hostile_and_broken_documents_are_refused_with_a_reason(text: bytes, reason: str) -> None:
    with pytest.raises(UnusableDocument, match=reason):
        read_openapi(text, yaml=True)


def test_schemas_that_unfold_without_end_are_undecided_and_not_endless() -> None:
    schemas = {f"S{n}": obj(**{name: {"$ref": f"#/components/schemas/S{n + 1}"} for name in "abcdef"}) for n in range(30)}
    schemas["S30"] = {"type": "string"}
    before = document(get({"$ref": "#/components/schemas/S0"}), components={"schemas": schemas})
    after = copy.deepcopy(before)
    after["components"]["schemas"]["S30"] = {"type": "integer"}

    assert (Kind.UNDECIDED, "GET /orders") in {(d.kind, d.where) for d in _compared(before, after).differences}
    assert _compared(before, copy.deepcopy(before)).differences == ()


def test_a_difference_behind_a_circle_is_found_in_every_operation_that_leads_to_it() -> None:
    def circle(leaf: str) -> dict[str, Any]:
        schemas = {"A": obj(b={"$ref": "#/components/schemas/B"}, leaf={"type": leaf}), "B": obj(a={"$ref": "#/components/schemas/A"})}
        paths = {f"/{name}": get({"$ref": f"#/components/schemas/{name}"})["/orders"] for name in "AB"}
        return document(paths, components={"schemas": schemas})

    assert [d.where for d in _compared(circle("string"), circle("integer")).differences] == [
        "GET /A: response 200 application/json leaf",
        "GET /B: response 200 application/json a.leaf",
    ]


_scalars: st.SearchStrategy[Any] = st.one_of(
    st.builds(dict, type=st.just("string"), maxLength=st.integers(0, 9)),
    st.builds(dict, type=st.just("string"), enum=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True)),
    st.builds(dict, type=st.sampled_from(["integer", "number", "boolean", "string"])),
    st.builds(dict, type=st.just("integer"), minimum=st.integers(-5, 5)),
    st.builds(dict, type=st.just(["string", "null"]), maxLength=st.integers(0, 9)),
)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from("abcde"), inner, max_size=4)
    return properties.flatmap(
        lambda found: st.builds(
            dict,
            type=st.just("object"),
            properties=st.just(found),
            required=st.lists(st.sampled_from(sorted(found)), unique=True) if found else st.just([]),
            additionalProperties=st.booleans(),
        )
    )


def _ways(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(st.builds(dict, anyOf=several), st.builds(dict, allOf=st.lists(inner, min_size=1, max_size=1)))


_schemas: st.SearchStrategy[Any] = st.recursive(
    _scalars, lambda inner: st.one_of(_objects(inner), st.builds(dict, type=st.just("array"), items=inner), _ways(inner)), max_leaves=8
)
_documents: st.SearchStrategy[Any] = st.builds(
    lambda body, answer, parameter, version: document(
        {**post(body), "/list": get(answer, [query("q", parameter)])["/orders"]}, version
    ),
    _schemas,
    _schemas,
    _scalars,
    st.sampled_from(["3.0.3", "3.1.0"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_documents, st.integers())
def test_a_document_equals_itself_in_whatever_order_its_keys_stand(one: dict[str, Any], seed: int) -> None:
    assert _compared(one, _shuffled(one, random.Random(seed))).differences == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_documents, _documents, st.integers())
def test_the_order_of_keys_never_changes_what_is_found(one: dict[str, Any], other: dict[str, Any], seed: int) -> None:
    shuffled = _compared(_shuffled(one, random.Random(seed)), _shuffled(other, random.Random(seed + 1)))

    assert shuffled == _compared(one, other)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_documents, _schemas)
def test_what_is_new_and_optional_is_not_breaking(one: dict[str, Any], schema: Any) -> None:
    _open(one)  # what was promised to have no other properties may well break when it gets one
    live = copy.deepcopy(one)
    _add_everywhere(live["paths"], schema)
    live["paths"]["/new"] = get(schema)["/orders"]
    live["paths"]["/list"]["get"]["parameters"].append(query("new", schema))
    live["paths"]["/list"]["get"]["responses"]["404"] = {"description": "none"}

    assert _compared(one, live).differences == ()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(_schemas, st.integers(), st.data())
def test_a_request_that_was_valid_stays_valid_where_nothing_breaking_is_found(one: Any, seed: int, data: st.DataObject) -> None:
    other = _changed(copy.deepcopy(one), random.Random(seed))
    assume(not _compared(document(post(one), "3.1.0"), document(post(other), "3.1.0")).differences)

    _holds(one, other, data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(_schemas, st.integers(), st.data())
def test_an_answer_that_may_come_was_promised_where_nothing_breaking_is_found(one: Any, seed: int, data: st.DataObject) -> None:
    promised = _changed(copy.deepcopy(one), random.Random(seed))
    assume(not _compared(document(get(promised), "3.1.0"), document(get(one), "3.1.0")).differences)

    _holds(one, promised, data)


def _holds(inner: Any, outer: Any, data: st.DataObject) -> None:
    value = data.draw(_values(inner))
    jsonschema.Draft202012Validator(inner).validate(value)

    jsonschema.Draft202012Validator(outer).validate(value)


def _changed(schema: Any, order: random.Random) -> Any:
    """The schema with changes here and there, loosening and tightening ones; half of the places stay."""
    if "enum" in schema and order.random() < 0.5:
        schema["enum"] = sorted({*schema["enum"], "d"} - ({"a"} if len(schema["enum"]) > 1 and order.random() < 0.2 else set()))
    for word in ("maxLength", "minimum"):
        if word in schema and order.random() < 0.5:
            schema[word] = max(schema[word] + order.choice([-1, 0, 1, 2]), 0 if word == "maxLength" else -9)
    for word in ("anyOf", "allOf"):
        if word in schema:
            schema[word] = [_changed(way, order) for way in schema[word] if len(schema[word]) == 1 or order.random() < 0.9]
            schema[word] += [{"type": "boolean"}] if word == "anyOf" and order.random() < 0.3 else []
    if "anyOf" in schema and not schema["anyOf"]:
        del schema["anyOf"]
    if "type" not in schema:
        return schema
    if schema["type"] == "integer" and order.random() < 0.3:
        schema["type"] = order.choice(["number", ["integer", "null"]])
    if schema["type"] == "array":
        schema["items"] = _changed(schema["items"], order)
    if schema["type"] == "object":
        schema["properties"] = {name: _changed(inner, order) for name, inner in schema["properties"].items() if order.random() < 0.95}
        schema["required"] = [name for name in schema["required"] if order.random() < 0.7]
    return schema


def _values(schema: Any) -> st.SearchStrategy[Any]:
    """Values that fit one of the schemas above, with named properties only."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for word in ("anyOf", "allOf"):
        if word in schema:
            return st.one_of([_values(way) for way in schema[word]])
    if isinstance(schema["type"], list):
        return st.one_of([_values({**schema, "type": one}) for one in schema["type"]])
    match schema["type"]:
        case "null":
            return st.none()
        case "string":
            return st.text("ab", max_size=schema.get("maxLength", 12))
        case "integer":
            return st.integers(schema.get("minimum", -20), 20)
        case "number":
            return st.floats(-9, 9)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(_values(schema["items"]), max_size=3)
        case _:
            parts = {name: _values(inner) for name, inner in schema["properties"].items()}
            needed = {name: parts.pop(name) for name in schema["required"]}
            return st.fixed_dictionaries(needed, optional=parts)


def _shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, _shuffled(item, order)) for key, item in value.items()]
        order.shuffle(items)
        return dict(items)
    return [_shuffled(item, order) for item in value] if isinstance(value, list) else value


def _open(value: Any) -> None:
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        _open(item)
    if isinstance(value, dict) and value.get("additionalProperties") is False:
        value["additionalProperties"] = True


def _add_everywhere(value: Any, schema: Any) -> None:
    if isinstance(value, dict):
        for item in list(value.values()):
            _add_everywhere(item, schema)
        if value.get("type") == "object" and isinstance(value.get("properties"), dict):
            value["properties"]["optional_and_new"] = copy.deepcopy(schema)
    elif isinstance(value, list):
        for item in value:
            _add_everywhere(item, schema)
