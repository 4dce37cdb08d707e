"""The text of an index as `pg_get_indexdef` prints it: always in one order, names quoted where they must be."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r'(?:[^\s."]+|"(?:[^"]|"")+")'
_DEFINITION = re.compile(
    rf"CREATE (?P<unique>UNIQUE )?INDEX {_NAME} ON (?P<only>ONLY )?(?P<table>{_NAME}(?:\.{_NAME})?) USING (?P<method>{_NAME}) (?P<rest>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """The parts of a definition; `rest` begins with the parenthesis of the keys."""

    unique: bool
    only: bool
    """Of a partitioned table, whose partitions the server leaves out when it prints."""
    table: str
    method: str
    rest: str

    @property
    def layout(self) -> tuple[bool, str, str]:
        """Equal for indexes of two partitions that one partitioned index can have under it."""
        return (self.unique, self.method, self.rest)

    def creation(self, name: str, *, table: str | None = None, concurrently: bool = False, only: bool = False) -> str:
        """A statement that creates the index under `name` unless there is one; names are given as they stand in SQL."""
        unique = "unique " if self.unique else ""
        how = "concurrently " if concurrently else ""
        on = f"{'only ' if only else ''}{table or self.table}"
        return f"create {unique}index {how}if not exists {name} on {on} using {self.method} {self.rest}"


def read_index_definition(definition: str) -> IndexDefinition | None:
    """None for a text that no server prints."""
    match = _DEFINITION.fullmatch(definition)
    if match is None:
        return None
    return IndexDefinition(bool(match["unique"]), bool(match["only"]), match["table"], match["method"], match["rest"])
