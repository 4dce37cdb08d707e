"""A call means the function that PostgreSQL would choose, or one of those that its arguments do not rule out."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.calls import Parameter, Path, meant, parameters_of, shape_of, type_named
from platformkit_pipeline.sqltext.parser import parse_expression

FUNCTIONS = (
    ("uuid", (Parameter("t", "uuid"),)),
    ("text", (Parameter("t", "text"),)),
    ("default", (Parameter("t", "uuid"), Parameter("k", "text", has_default=True))),
    ("many", (Parameter("n", "int4"), Parameter("r", "int4[]", variadic=True))),
)


def of_column(path: Path) -> str | None:
    return {"tenant_id": "uuid", "note": "varchar"}.get(path[-1])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("f('a'::text)", {"text"}),
        ("f(auth.uid())", {"uuid"}),
        ("f((SELECT auth.uid() AS uid))", {"uuid"}),
        ("f((auth.jwt() ->> 'sub'::text))", {"text"}),
        ("f(tenant_id)", {"uuid"}),
        ("f(note)", {"text"}),
        ("f('a')", {"uuid", "text", "default"}),
        ("f(other)", {"uuid", "text", "default"}),
        ("f(other, 'x')", {"default", "many"}),
        ("f(tenant_id, 'x'::text)", {"default"}),
        ("f(k => 'x', t => other)", {"default"}),
        ("f(1, 2, 3)", {"many"}),
        ("f(1, VARIADIC ARRAY[2, 3])", {"many"}),
        ("f(z => other)", set()),
        ("f()", set()),
    ],
)
def test_functions_of_one_name_are_told_apart(call: str, expected: set[str]) -> None:
    assert set(meant(shape_of(parse_expression(call)), FUNCTIONS, of_column)) == expected


def test_inputs_are_read_from_the_definition_or_from_the_identity() -> None:
    definition = "create function public.f(t uuid, k character varying default 'x', out z boolean) returns boolean language sql as 'select'"
    assert parameters_of(definition, "") == (Parameter("t", "uuid"), Parameter("k", "varchar", has_default=True))
    assert parameters_of(None, "a uuid, VARIADIC b integer[]") == (Parameter("a", "uuid"), Parameter("b", "int4[]", variadic=True))
    assert parameters_of(None, "anyelement ORDER BY x") is None


def test_types_have_one_name() -> None:
    assert type_named("character varying(50)") == "varchar"
    assert type_named("public.kind[]") == "public.kind[]"
    assert type_named("timestamp with time zone") == "timestamptz"
