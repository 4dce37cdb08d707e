"""A data contract: a document of the Open Data Contract Standard (ODCS) 3, as far as it bears on checks.

Keys of the standard that no check depends on are read past; keys that it does not know are refused, because a misspelt one is a check
that silently is not run. What the standard has no words for stands in the custom property `platformkit`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from platformkit_pipeline.parity.data.document_invariants import (
    ColumnProperties,
    ColumnProperty,
    OfColumn,
    OfTable,
    TableProperties,
    TableProperty,
)
from platformkit_pipeline.parity.data.document_parts import Part, ReadPast, Text
from platformkit_pipeline.parity.data.document_quality import Quality
from platformkit_pipeline.sqltext.sensitive_names import category_of

LogicalType = Literal["string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"]

SHOWN = frozenset({"public", "internal"})
"""Classifications whose values may stand in results. Whatever has another one, or none, is not shown."""

_NOTHING_OF_COLUMN = OfColumn()
_NOTHING_OF_TABLE = OfTable()


class Column(Part):
    """A property of the standard. Its existence is a check, and so is each of the keys below that says something."""

    id: ReadPast = None
    name: Text
    physicalName: Text | None = None
    physicalType: Text | None = Field(None, description="Type of PostgreSQL, in any of its spellings.")
    logicalType: LogicalType | None = None
    required: bool = False
    unique: bool = False
    primaryKey: bool = False
    primaryKeyPosition: int = -1
    classification: Text | None = Field(None, description="Values of public and internal columns may stand in results; no others.")
    quality: tuple[Quality, ...] = ()
    customProperties: tuple[ColumnProperties, ...] = ()
    description: ReadPast = None
    businessName: ReadPast = None
    authoritativeDefinitions: ReadPast = None
    tags: ReadPast = None
    logicalTypeOptions: ReadPast = None
    partitioned: ReadPast = None
    partitionKeyPosition: ReadPast = None
    encryptedName: ReadPast = None
    transformSourceObjects: ReadPast = None
    transformLogic: ReadPast = None
    transformDescription: ReadPast = None
    examples: ReadPast = None
    criticalDataElement: ReadPast = None
    relationships: ReadPast = None
    properties: ReadPast = None
    items: ReadPast = None

    @property
    def physical(self) -> str:
        """The name of the column in the database."""
        return self.physicalName or self.name

    @property
    def invariants(self) -> OfColumn:
        return next((p.value for p in self.customProperties if isinstance(p, ColumnProperty)), _NOTHING_OF_COLUMN)

    @property
    def shown(self) -> bool:
        """Its values may stand in results. A credential's never: whoever writes the contract need not be allowed to see it."""
        declared = (self.classification or "").strip().lower() in SHOWN and not self.invariants.sensitive
        return declared and category_of(self.physical) != "credential"

    @model_validator(mode="after")
    def _says_it_once(self) -> Column:
        _once(self.customProperties)
        for rule in self.quality:
            if rule.metric == "rowCount":
                raise ValueError("rowCount is a rule of a table, not of a column")
        return self


class Table(Part):
    """An object of the standard: a table, view or materialized view."""

    id: ReadPast = None
    name: Text
    physicalName: Text | None = Field(None, description="Name in the database, with its schema unless that is public.")
    physicalType: Text | None = Field(None, description="table, view, materialized view or foreign table.")
    logicalType: Literal["object"] | None = None
    properties: tuple[Column, ...] = ()
    quality: tuple[Quality, ...] = ()
    customProperties: tuple[TableProperties, ...] = ()
    description: ReadPast = None
    businessName: ReadPast = None
    authoritativeDefinitions: ReadPast = None
    tags: ReadPast = None
    dataGranularityDescription: ReadPast = None
    relationships: ReadPast = None

    @property
    def physical(self) -> str:
        """The name in the database, as the contract writes it."""
        return self.physicalName or self.name

    @property
    def invariants(self) -> OfTable:
        return next((p.value for p in self.customProperties if isinstance(p, TableProperty)), _NOTHING_OF_TABLE)

    @property
    def shown_columns(self) -> frozenset[str]:
        return frozenset(c.physical for c in self.properties if c.shown)

    @model_validator(mode="after")
    def _says_it_once(self) -> Table:
        _once(self.customProperties)
        _unique("column", (c.physical for c in self.properties))
        _unique("column", (c.name for c in self.properties))
        for rule in self.quality:
            if rule.metric in ("nullValues", "missingValues", "invalidValues"):
                raise ValueError(f"{rule.metric} is a rule of a column: put it below one of the properties")
            if rule.metric == "duplicateValues" and not (rule.arguments and rule.arguments.properties):
                raise ValueError("duplicateValues of a table needs the argument properties: the columns that are unique together")
        return self


class DataContract(Part):
    """The document."""

    model_config = ConfigDict(title="Data contract (ODCS 3, with checks of platformkit)")

    apiVersion: Annotated[str, Field(pattern=r"^v3\.\d+\.\d+$", description="Version of the standard, like v3.1.0.")]
    kind: Literal["DataContract"]
    id: Text
    name: Text | None = None
    version: Text
    status: Text
    tables: Annotated[tuple[Table, ...], Field(alias="schema", min_length=1)]
    customProperties: ReadPast = None
    description: ReadPast = None
    tenant: ReadPast = None
    tags: ReadPast = None
    servers: ReadPast = None
    dataProduct: ReadPast = None
    domain: ReadPast = None
    support: ReadPast = None
    price: ReadPast = None
    team: ReadPast = None
    roles: ReadPast = None
    slaDefaultElement: ReadPast = None
    slaProperties: ReadPast = None
    authoritativeDefinitions: ReadPast = None
    contractCreatedTs: ReadPast = None

    @model_validator(mode="after")
    def _names_tables_once(self) -> DataContract:
        _unique("table", (t.physical.removeprefix("public.") for t in self.tables))
        return self


DOCUMENT = DataContract
"""What the files of this dimension are, for the published JSON Schema."""


def _once(properties: Iterable[object]) -> None:
    if sum(isinstance(p, TableProperty | ColumnProperty) for p in properties) > 1:
        raise ValueError("the custom property platformkit stands here twice")


def _unique(what: str, names: Iterable[str]) -> None:
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise ValueError(f"{what} {', '.join(twice)} stands here twice")
