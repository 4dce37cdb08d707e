"""Names of a script as its own search_path resolves them. Which objects exist is not asked: the first schema is taken."""

from __future__ import annotations

from typing import Any

from platformkit_pipeline.sqltext.migration_actions import QualifiedName
from platformkit_pipeline.sqltext.parser import Node, children, kind, string_parts, unwrap
from platformkit_pipeline.sqltext.truth import Truth, fold

_DEFAULT_SCHEMA = "public"
TEMPORARY_SCHEMA = "pg_temp"


class Scope:
    """The schema that a name without one belongs to; changed by SET search_path as the script goes on."""

    def __init__(self, schema: str = _DEFAULT_SCHEMA) -> None:
        self._schema = schema
        self._temporary: set[str] = set()

    def inside(self, schema: str) -> Scope:
        return Scope(schema)

    def set_path(self, values: list[str]) -> None:
        """`values` as given to SET: one schema each, or a list in one string."""
        schemas = [part.strip(' "') for value in values for part in value.split(",")]
        usual = [s for s in schemas if s and s != "$user" and not s.startswith("pg_")]
        self._schema = usual[0] if usual else _DEFAULT_SCHEMA

    def temporary(self, relation: Node) -> QualifiedName:
        """The name of a temporary table; from here on it stands before every other of that name."""
        self._temporary.add(relation.relname)
        return QualifiedName(TEMPORARY_SCHEMA, relation.relname)

    def name(self, parts: tuple[str, ...]) -> QualifiedName:
        name = parts[-1] if parts else ""
        return QualifiedName(parts[-2] if len(parts) > 1 else self._schema_of(name), name)

    def table(self, relation: Node) -> QualifiedName:
        return QualifiedName(relation.schemaname or self._schema_of(relation.relname), relation.relname)

    def _schema_of(self, name: str) -> str:
        return TEMPORARY_SCHEMA if name in self._temporary else self._schema

    def tables_in(self, node: Node) -> frozenset[QualifiedName]:
        """Every relation that the tree names, itself under WITH and in sub-selects."""
        if kind(node) == "RangeVar":
            return frozenset({self.table(node)})
        found: set[QualifiedName] = set()
        for child in children(unwrap(node)):
            found |= self.tables_in(child)
        return frozenset(found)

    def signature(self, item: Node) -> str:
        """`schema.f(int4, text)` of a function as DROP and ALTER name it."""
        name = self.name(string_parts(item.objname))
        return str(name) if item.args_unspecified else f"{name}({', '.join(type_text(unwrap(a)) for a in item.objargs)})"

    @staticmethod
    def always_true(condition: Node) -> bool:
        return fold(condition) is Truth.TRUE


def type_text(node: Any) -> str:
    """A type as one word and its numbers: `varchar(10)`, `int4[]`, `my.type`."""
    parts = [part for part in string_parts(node.names) if part != "pg_catalog"]
    numbers = [str(unwrap(m).ival.ival) for m in node.typmods if kind(unwrap(m)) == "A_Const"]
    return ".".join(parts) + (f"({','.join(numbers)})" if numbers else "") + "[]" * len(node.array_bounds)
