"""JSON Schemas of the contract files, for editors and for whoever checks files without this product.

Each dimension that has files of its own names their model `DOCUMENT` in its module `document`; what pydantic enforces beyond the schema
(one comparison per rule, names that stand twice) is told when the file is read.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from importlib.util import find_spec

from pydantic import BaseModel

from platformkit_pipeline.model.contract import Dimension

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def contract_schemas() -> Iterator[tuple[str, str]]:
    """File name and text of the schema of every dimension that has contract files, by dimension."""
    for dimension in Dimension:
        model = document_of(dimension)
        if model is not None:
            schema = {"$schema": _DIALECT, **model.model_json_schema(by_alias=True)}
            yield f"{dimension.value}.schema.json", json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def document_of(dimension: Dimension) -> type[BaseModel] | None:
    """The model of the files of `dimension`; None where that dimension has none yet."""
    package = f"{__package__}.{dimension.value}"
    if find_spec(package) is None or find_spec(f"{package}.document") is None:
        return None
    model: type[BaseModel] = importlib.import_module(f"{package}.document").DOCUMENT
    return model
