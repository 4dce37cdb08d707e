from __future__ import annotations

from typing import Any

import pytest

from platformkit_pipeline.model.yaml_document import Fault, MalformedDocument, parse_json, parse_yaml, strings_of


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(MalformedDocument) as caught:
        parse_yaml(text)
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("0 2 * * *", "0 2 * * *"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("30", 30),
        ("-1", -1),
        ("2.5", 2.5),
        ("1e999", "1e999"),
        ("'30'", "30"),
        ('"true"', "true"),
        ("!!str 30", "30"),
        ("ja: 1", {"ja": 1}),
        ("[a, [b]]", ["a", ["b"]]),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    assert parse_yaml(text).value == value


def test_an_empty_document_has_no_value() -> None:
    assert parse_yaml("# nothing\n").value is None


def test_a_repeated_key_is_refused_with_its_line() -> None:
    assert faults_of("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n") == (
        Fault(4, ("b", "c"), "this key stands twice in one mapping"),
        Fault(5, ("a",), "this key stands twice in one mapping"),
    )


def test_a_tab_is_named_with_its_line() -> None:
    (fault,) = faults_of("a:\n\tb: 1\n")
    assert fault.line == 2
    assert "tab" in fault.message


@pytest.mark.parametrize("text", ["a: [1\n", "a: b: c\n", "'open\n", "a: 1\n  b: 2\n", "--- a\n--- b\n"])
def test_broken_syntax_is_named_with_a_line(text: str) -> None:
    (fault,) = faults_of(text)
    assert fault.line is not None
    assert fault.message.startswith("is not YAML: ")


@pytest.mark.parametrize("text", ["a: *hunter2\n", "a: !hunter2 b\n", "a: &x [*x, hunter2]\n", '"hunter2\\q"\n', "hunter2: [\n"])
def test_no_piece_of_the_text_gets_into_a_message(text: str) -> None:
    assert not any("hunter2" in fault.message for fault in faults_of(text))


def test_a_value_that_contains_itself_is_refused() -> None:
    assert faults_of("a: &x\n  - *x\n") == (Fault(1, ("a", 0), "contains itself"),)


def test_aliases_share_a_value_and_cannot_multiply_it() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 40))
    value = parse_yaml(f"l0: &l0 [x]\n{levels}").value
    assert value["l39"][0] is value["l38"]


def test_a_key_that_is_not_text_is_refused() -> None:
    assert faults_of("? [a]\n: 1\n") == (Fault(1, (), "a key must be text"),)


def test_nesting_without_end_is_refused() -> None:
    assert "nested too deeply" in faults_of("[" * 3000 + "]" * 3000)[0].message


def test_json_and_yaml_give_the_same_value() -> None:
    text = '{"a": [1, 2.5, true, null, "x"], "b": {"c": {}}}'
    assert parse_json(text).value == parse_yaml(text).value


@pytest.mark.parametrize(
    ("text", "line"),
    [('{"a": 1,\n "a": 2}', 2), ('{"a":\n}', 2), ("", 1), ('{"a": NaN}', None), ('{\n\t"a": 1,\n\t"a": 1\n}', 3)],
)
def test_json_that_is_malformed_is_refused_with_the_line_if_known(text: str, line: int | None) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse_json(text)
    assert caught.value.faults[0].line == line


def test_nested_json_without_end_is_refused() -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse_json("[" * 100_000)
    assert "nested too deeply" in caught.value.faults[0].message


@pytest.mark.parametrize("parse", [parse_yaml, parse_json])
@pytest.mark.parametrize(
    ("path", "line"),
    [((), 1), (("a",), 2), (("a", 0), 3), (("a", 1, "b"), 5), (("a", 1, "missing"), 4), (("a", 9), 2), (("z",), 1), (("a", "x"), 2)],
)
def test_a_path_leads_to_its_line_or_that_of_what_encloses_it(parse: Any, path: tuple[str | int, ...], line: int) -> None:
    text = '{\n"a": [\n1,\n{"c": 1,\n"b": 2}]}'
    assert parse(text).line_of(path) == line


def test_every_text_is_found_with_its_path() -> None:
    assert list(strings_of({"a": ["x", {"b": "y"}], "c": 1})) == [(("a", 0), "x"), (("a", 1, "b"), "y")]
