"""Every GraphQL document against the schema of the pinned version, without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import graphql
import pytest
from dagster_graphql.schema import create_schema

from platformkit_pipeline.operations import gate_documents


@pytest.fixture(scope="module")
def schema() -> graphql.GraphQLSchema:
    made: graphql.GraphQLSchema = create_schema().graphql_schema
    return made


@pytest.mark.parametrize("name", gate_documents.ALL)
def test_the_document_is_valid_and_named(schema: graphql.GraphQLSchema, name: str) -> None:
    document = graphql.parse(gate_documents.ALL[name])
    assert graphql.validate(schema, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    assert operation.name is not None
    assert operation.name.value == name


def test_no_document_is_left_out_of_the_list() -> None:
    documents = {value for name, value in vars(gate_documents).items() if name.isupper() and isinstance(value, str)}
    assert documents == set(gate_documents.ALL.values())


@pytest.mark.parametrize(("page", "printed"), [("dagster.md", 5), ("parity.md", 3)])
def test_what_the_documentation_prints_for_curl_is_valid_too(schema: graphql.GraphQLSchema, page: str, printed: int) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / page).read_text(encoding="utf-8")
    queries = [json.loads(quoted) for quoted in re.findall(r'"query": ("(?:[^"\\]|\\.)*")', text)]
    assert len(queries) == printed
    assert [error.message for query in queries for error in graphql.validate(schema, graphql.parse(query))] == []


def test_the_validation_does_refuse(schema: graphql.GraphQLSchema) -> None:
    assert graphql.validate(schema, graphql.parse("query { runOrError { __typename } }"))
