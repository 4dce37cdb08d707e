"""What domains and composite types are made of."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.types import Domain, component_types, read_domain


@pytest.mark.parametrize(
    ("definition", "domain"),
    [
        ("timestamp with time zone", Domain("timestamp with time zone", False)),
        ("timestamp(3) with time zone DEFAULT now() NOT NULL", Domain("timestamp with time zone", True)),
        ("timestamp without time zone", Domain("timestamp without time zone", False)),
        ('public."My type"[] CONSTRAINT c CHECK ((VALUE IS NOT NULL))', Domain('public."My type"[]', False)),
        ('text COLLATE pg_catalog."C" NOT NULL', Domain("text", True)),
    ],
)
def test_a_domain_names_its_base_and_whether_it_forbids_null(definition: str, domain: Domain) -> None:
    assert read_domain(definition) == domain


def test_a_definition_that_cannot_be_read_is_none() -> None:
    assert read_domain("no such thing (") is None
    assert component_types("composite", "(") == frozenset()


def test_components_of_a_composite_type() -> None:
    assert component_types("composite", '"position" integer, what regproc[], who public.handler') == {"int4", "regproc[]", "public.handler"}
