"""What a role may see of one schema: relations with their columns, and functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from platformkit_pipeline.locations import read_sql


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    max_length: int | None = None
    comment: str | None = None
    labels: tuple[str, ...] = ()
    """Of an enumerated type."""
    primary_key: bool = False
    refers_to: tuple[str, str] | None = None
    """Table and column of a foreign key of this column alone."""


@dataclass(frozen=True, slots=True)
class Relation:
    name: str
    columns: tuple[Column, ...]
    changeable: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Argument, ...]
    volatile: bool
    returns_set: bool
    returns_nothing: bool
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    relations: tuple[Relation, ...]
    functions: tuple[Function, ...]


def read_functions(connection: psycopg.Connection[Any], schema: str, role: str | None = None) -> tuple[Function, ...]:
    """Those that `role` may call; all of them without one: whether a caller may is then left to the database."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(read_sql("sandbox/data_api/functions.sql"), {"schema": schema, "role": role}).fetchall()
    return tuple(_function(row) for row in rows)


def read_catalogue(connection: psycopg.Connection[Any], schema: str, role: str) -> Catalogue:
    """The catalogue as it is now: this stand-in keeps no schema cache that could be stale."""
    with connection.cursor(row_factory=dict_row) as cursor:
        relations = cursor.execute(read_sql("sandbox/data_api/relations.sql"), {"schema": schema, "role": role}).fetchall()
    return Catalogue(tuple(_relation(row) for row in relations), read_functions(connection, schema, role))


def _relation(row: dict[str, Any]) -> Relation:
    columns = tuple(
        Column(**{**c, "labels": tuple(c["labels"] or ()), "refers_to": tuple(c["refers_to"]) if c["refers_to"] else None})
        for c in row["columns"]
    )
    return Relation(row["name"], columns, row["changeable"], row["comment"])


def _function(row: dict[str, Any]) -> Function:
    arguments = tuple(Argument(**a) for a in row["arguments"])
    return Function(row["name"], arguments, row["volatile"], row["returns_set"], row["returns_nothing"], row["comment"])
