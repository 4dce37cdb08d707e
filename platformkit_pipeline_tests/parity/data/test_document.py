from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.parity.contract_schemas import contract_schemas
from platformkit_pipeline.parity.data.document import DataContract
from platformkit_pipeline.parity.data.document_quality import Quality
from platformkit_pipeline_tests.parity.data.conftest import HEAD, Read, of_table, ours

_BEGINNING = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:test
version: 1.0.0
status: active
schema:
  - name: orders
"""

_OF_THE_STANDARD: dict[str, Any] = {
    **HEAD,
    "name": "Orders",
    "tenant": "acme",
    "tags": ["billing"],
    "servers": [{"server": "production", "type": "postgresql", "host": "db", "port": 5432, "database": "shop", "schema": "public"}],
    "dataProduct": "orders",
    "description": {"purpose": "tells what was ordered"},
    "domain": "sales",
    "support": [{"channel": "#sales"}],
    "price": {"priceAmount": 9.95},
    "team": {"name": "sales"},
    "roles": [{"role": "reader"}],
    "slaProperties": [{"property": "latency", "value": 4}],
    "contractCreatedTs": "2026-01-01T00:00:00Z",
    "schema": [
        {
            "name": "orders",
            "dataGranularityDescription": "one row per order",
            "businessName": "Orders",
            "customProperties": [{"property": "retention", "value": 10}],
            "properties": [
                {"name": "status", "logicalType": "string", "logicalTypeOptions": {"maxLength": 9}, "examples": ["paid"], "tags": ["x"]},
            ],
            "quality": [{"type": "text", "description": "Orders are complete."}],
        }
    ],
}


def test_what_the_standard_knows_and_no_check_needs_is_read_past(read: Read) -> None:
    (table,) = read(json.dumps(_OF_THE_STANDARD)).read_as(DataContract).tables
    assert (table.physical, [c.physical for c in table.properties]) == ("orders", ["status"])


_OURS = "    customProperties:\n      - property: platformkit\n        value:\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("    proprties: []\n", "tested.yaml:8: schema[0].proprties: is not a known key"),
        (
            "    properties:\n      - name: id\n        requird: true\n",
            "tested.yaml:10: schema[0].properties[0].requird: is not a known key",
        ),
        (
            f"{_OURS}          rowLevelSecurity:\n            tenantConfind: true\n",
            "tested.yaml:12: schema[0].customProperties[0].value.rowLevelSecurity.tenantConfind: is not a known key; known here: enabled",
        ),
        (
            "    customProperties:\n      - property: retention\n        value: {}\n      - property: platfromkit\n        value: {}\n",
            "tested.yaml:11: schema[0].customProperties[1].property: reads like a misspelt platformkit",
        ),
        (
            f"{_OURS}          foreignKeys:\n            - references: public.x\n",
            "tested.yaml:12: schema[0].customProperties[0].value.foreignKeys[0].columns: is required",
        ),
        ("    quality:\n      - metric: rowCount\n", "tested.yaml:9: schema[0].quality[0]: rowCount needs a comparison"),
        ("    quality:\n      - {metric: rowCount, mustBe: 1, mustNotBe: 2}\n", "tested.yaml:9: schema[0].quality[0]: one comparison"),
        ("    quality:\n      - {query: 'delete from orders', mustBe: 0}\n", "tested.yaml:9: schema[0].quality[0]: only a SELECT"),
        ("    quality:\n      - {query: 'select 1) as x; drop table y', mustBe: 0}\n", "schema[0].quality[0]: is not one SELECT"),
        ("    properties:\n      - name: id\n      - name: id\n", "tested.yaml:7: schema[0]: column id stands here twice"),
        (
            "    quality:\n      - {engine: greatExpectations, implementation: x}\n",
            "schema[0].quality[0]: implementation of Great Expectations is a mapping",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(read: Read, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(_BEGINNING + text).read_as(DataContract)
    assert told in str(refused.value)
    assert "expected at least" not in str(refused.value), "a table that was refused is not a table that is missing"


@pytest.mark.parametrize(
    ("rule", "satisfied", "broken"),
    [
        ({"mustBe": 3}, 3, 4),
        ({"mustNotBe": 3}, 4, 3),
        ({"mustBeGreaterThan": 3}, 4, 3),
        ({"mustBeGreaterOrEqualTo": 3}, 3, 2),
        ({"mustBeLessThan": 3}, 2, 3),
        ({"mustBeLessOrEqualTo": 3}, 3, 4),
        ({"mustBeBetween": [1, 3]}, 3, 4),
        ({"mustNotBeBetween": [1, 3]}, 4, 3),
        ({"mustBe": 0.1}, 0.1, 0.2),
        ({"mustBe": "EUR"}, "EUR", "USD"),
        ({"mustBe": None}, None, 0),
        ({"mustBeLessThan": 3}, 2.5, None),
        ({"mustBeLessThan": 3}, -1, "many"),
    ],
)
def test_a_comparison_is_exact(rule: dict[str, Any], satisfied: Any, broken: Any) -> None:
    read = Quality.model_validate({"type": "sql", "query": "select 1", **rule})
    assert read.satisfied_by(satisfied)
    assert not read.satisfied_by(broken)


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dict(contract_schemas())["data.schema.json"])
    return found


def test_the_published_schema_takes_what_is_read_and_refuses_what_is_not() -> None:
    validator = jsonschema.Draft202012Validator(_schema())
    validator.check_schema(_schema())
    sample = resources.files("platformkit_pipeline.sandbox") / "sample_contracts" / "data" / "invoices.yaml"
    assert not list(validator.iter_errors(yaml.safe_load(sample.read_text(encoding="utf-8"))))
    assert not list(validator.iter_errors(_OF_THE_STANDARD))
    for wrong in (
        {**HEAD},
        of_table("orders", proprties=[]),
        of_table("orders", customProperties=ours(rowLevelSecurity={"tenantConfind": True})),
        of_table("orders", quality=[{"metric": "rowcount"}]),
        {**of_table("orders"), "apiVersion": "v2.2.0"},
    ):
        assert list(validator.iter_errors(wrong)), wrong


def test_every_dimension_has_a_schema_that_is_one() -> None:
    published = dict(contract_schemas())
    assert published.keys() == {f"{d.value}.schema.json" for d in Dimension}
    for text in published.values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
