"""An expression, once a column is known."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.parser import parse_expression
from platformkit_pipeline.sqltext.substitution import is_true_where


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "(bucket_id = 'a'::text)",
        "('a'::text = objects.bucket_id)",
        "((bucket_id = 'a'::text) AND (1 = 1))",
        "(bucket_id = ANY (ARRAY['b'::text, 'a'::text]))",
        "bucket_id in ('b', 'a')",
        "((bucket_id = 'b'::text) OR (bucket_id = 'a'::text))",
        "(bucket_id <> 'z'::text)",
        "( SELECT (objects.bucket_id = 'a'::text))",
    ],
)
def test_what_only_tests_the_column_is_true_for_its_value(expression: str) -> None:
    assert is_true_where(expression, "bucket_id", "a")


@pytest.mark.parametrize(
    "expression",
    [
        "(bucket_id = 'b'::text)",
        "((bucket_id = 'a'::text) AND (auth.uid() IS NOT NULL))",
        "((bucket_id = 'a'::text) AND (owner_id = ( SELECT (auth.uid())::text)))",
        "(name = 'a'::text)",
        "(bucket_id = ( SELECT b.id FROM storage.buckets b LIMIT 1))",
        "bucket_id",
        "false",
    ],
)
def test_what_tests_something_else_is_not(expression: str) -> None:
    assert not is_true_where(expression, "bucket_id", "a")


def test_the_shared_tree_is_left_as_it_was() -> None:
    expression = "(bucket_id = 'left alone'::text)"
    before = parse_expression(expression).SerializeToString()
    assert is_true_where(expression, "bucket_id", "left alone")
    assert parse_expression(expression).SerializeToString() == before
