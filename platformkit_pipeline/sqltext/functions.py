"""What the bodies of SQL and PL/pgSQL functions hold.

As one expression, where an SQL helper that policies call returns one value (`plpgsql_values` does that for PL/pgSQL).
As facts, whatever the body does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from platformkit_pipeline.sqltext.expression_facts import ExpressionFacts, facts_of, facts_of_query, facts_together
from platformkit_pipeline.sqltext.parser import (
    CACHE_SIZE,
    Node,
    kind,
    parse_expression,
    parse_plpgsql,
    parse_statements,
    value_of_select,
)

_ASSIGNMENT = re.compile(r"^\s*[^:=]+?\s*:?=")
_ATOMIC = re.compile(r"\s*begin\s+atomic\b(?P<body>.*)\bend\s*\Z", re.IGNORECASE | re.DOTALL)
_RETURN = re.compile(r"\s*return\b", re.IGNORECASE)


def returned_by_sql(body: str) -> Node | None:
    """The expression of a body `select x`, `return x` or `begin atomic select x; end`; the SELECT when it reads tables.

    None for anything longer. Raises SqlSyntaxError for text that does not parse.
    """
    if start := _RETURN.match(body):
        return parse_expression(body[start.end() :])
    atomic = _ATOMIC.fullmatch(body)
    statements = parse_statements(atomic["body"] if atomic else body)
    if len(statements) != 1 or kind(statements[0]) != "SelectStmt":
        return None
    return _value_or_select(statements[0])


def statements_of_sql(body: str) -> tuple[int, tuple[Node, ...]]:
    """Statements of a body in SQL (the expression, of RETURN), and where the text begins that their locations count from.

    Raises SqlSyntaxError.
    """
    if start := _RETURN.match(body):
        return start.end() - len("select "), (parse_expression(body[start.end() :]),)
    atomic = _ATOMIC.fullmatch(body)
    return (atomic.start("body"), parse_statements(atomic["body"])) if atomic else (0, parse_statements(body))


@lru_cache(maxsize=CACHE_SIZE)
def facts_of_function(language: str, body: str | None, definition: str | None) -> ExpressionFacts | None:
    """What all statements and expressions of a body mention; None for a language that cannot be read.

    `body` is that of an SQL function, `definition` the whole CREATE FUNCTION of one in PL/pgSQL. Raises SqlSyntaxError.
    """
    if language == "sql" and body:
        if start := _RETURN.match(body):
            return facts_of(body[start.end() :])
        atomic = _ATOMIC.fullmatch(body)
        return facts_of_query(atomic["body"] if atomic else body)
    if language == "plpgsql" and definition:
        return facts_together(_facts_of_expression(found) for found in _expressions(parse_plpgsql(definition)))
    return None


def _expressions(part: Any) -> Iterator[dict[str, Any]]:
    """Every SQL text inside a parsed PL/pgSQL function."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "PLpgSQL_expr":
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(part, list):
        for item in part:
            yield from _expressions(item)


_WHOLE_STATEMENT, _PLAIN_EXPRESSION = 0, 2
"""RawParseMode of the parser; the greater ones are assignments."""


def _facts_of_expression(found: dict[str, Any]) -> ExpressionFacts:
    mode = found.get("parseMode", _WHOLE_STATEMENT)
    if mode == _WHOLE_STATEMENT:
        return facts_of_query(found["query"])
    return facts_of(found["query"] if mode == _PLAIN_EXPRESSION else _ASSIGNMENT.sub("", found["query"], count=1))


def _value_or_select(select: Node) -> Node:
    value = value_of_select(select)
    return select if value is None else value
