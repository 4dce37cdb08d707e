"""YAML of strangers."""

from __future__ import annotations

import pytest
import yaml

from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml


def test_plain_values_and_anchors_are_read() -> None:
    assert load_yaml("a: &x [1, two]\nb: *x\n") == {"a": [1, "two"], "b": [1, "two"]}


def test_a_text_that_unfolds_to_billions_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(YamlRefused, match="unfolds to more than"):
        load_yaml("\n".join(lines))


def test_a_value_that_holds_itself_is_refused() -> None:
    with pytest.raises(YamlRefused, match="unfolds"):
        load_yaml("a: &a [*a, *a]\n")


def test_endless_nesting_is_refused_before_anything_is_built() -> None:
    with pytest.raises(YamlRefused, match="nested more than"):
        load_yaml("[" * 100_000)


def test_many_parts_are_refused() -> None:
    with pytest.raises(YamlRefused, match="more than 100000 parts"):
        load_yaml("\n".join("- x" for _ in range(100_001)))


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system ['true']", "a: [", "\t- x", "a: b\n- c"])
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises((YamlRefused, yaml.YAMLError)):
        load_yaml(text)


def test_a_date_that_is_none_is_refused_and_no_crash() -> None:
    with pytest.raises(YamlRefused, match="holds a value that is none"):
        load_yaml("day: 2026-99-99")


def test_merges_of_merges_are_refused_before_they_are_made() -> None:
    lines = ["a0: &a0 {k: v, l: w}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    with pytest.raises(YamlRefused, match="unfolds to more than"):
        load_yaml("\n".join(lines))


def test_a_merge_is_read() -> None:
    assert load_yaml("a: &a {k: v}\nb: {<<: *a, l: w}\n") == {"a": {"k": "v"}, "b": {"k": "v", "l": "w"}}
