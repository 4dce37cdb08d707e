"""The query string of PostgREST as SQL: which columns, which rows, in which order, how many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from platformkit_pipeline.sandbox.data_api.refusals import Refused, not_implemented, unreadable

_COMPARISONS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "like", "ilike": "ilike"}
_IS = {"null": "null", "not_null": "not null", "true": "true", "false": "false", "unknown": "unknown"}
_NOT_DONE = frozenset({"or", "and", "not.or", "not.and", "columns", "on_conflict"})
_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,"()]+)')
_SELECTED = re.compile(r"(?:(?P<alias>[^:,()]+):(?!:))?(?P<column>[^:,()>-]+)(?:::(?P<type>[a-z0-9_ ]+))?\Z")


def identifier(*parts: str) -> sql.Composable:
    """A name that a client sent, quoted; psycopg would read a `%` in it as the place of a value."""
    return sql.SQL(sql.Identifier(*parts).as_string().replace("%", "%%"))


@dataclass(frozen=True, slots=True)
class Query:
    """What the query string asks for; `limit` None means all rows."""

    columns: sql.Composable
    condition: sql.Composable
    values: tuple[str, ...]
    """Of the condition, in order."""
    order: sql.Composable
    limit: int | None = None
    offset: int = 0

    @property
    def page(self) -> sql.Composable:
        limit = sql.SQL(" limit {}").format(sql.Literal(self.limit)) if self.limit is not None else sql.SQL("")
        return limit + sql.SQL(" offset {}").format(sql.Literal(self.offset))


def read_query(pairs: Sequence[tuple[str, str]]) -> Query:
    """`pairs` as they stand in the query string. Raises Refused in PostgREST's words for what cannot be read."""
    conditions: list[sql.Composable] = []
    values: list[str] = []
    selected: sql.Composable = sql.SQL("*")
    order: sql.Composable = sql.SQL("")
    limit, offset = None, 0
    for name, value in pairs:
        if name == "select":
            selected = _selected(value)
        elif name == "order":
            order = _ordered(value)
        elif name == "limit":
            limit = _count(name, value)
        elif name == "offset":
            offset = _count(name, value) or 0
        elif name == "apikey":
            continue  # the gateway's
        elif name in _NOT_DONE or "->" in name or "." in name:
            raise not_implemented(f"the parameter {name!r}")
        else:
            condition, arguments = _condition(name, value)
            conditions.append(condition)
            values += arguments
    return Query(selected, _all(conditions), tuple(values), order, limit, offset)


def _all(conditions: list[sql.Composable]) -> sql.Composable:
    return sql.SQL(" where ") + sql.SQL(" and ").join(conditions) if conditions else sql.SQL("")


def _count(name: str, value: str) -> int | None:
    if re.fullmatch(r"-[0-9]{1,18}", value):
        raise Refused(416, "PGRST103", "Requested range not satisfiable", details="Limit should be greater than or equal to zero.")
    return int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None  # PostgREST ignores what is no number


def _selected(value: str) -> sql.Composable:
    if "(" in value:
        raise not_implemented("resource embedding")
    if "->" in value:
        raise not_implemented("a JSON path")
    return sql.SQL(", ").join(_one(item.strip()) for item in value.split(",")) if value.strip() else sql.SQL("*")


def _one(item: str) -> sql.Composable:
    if item == "*":
        return sql.SQL("*")
    match = _SELECTED.match(item)
    if match is None:
        raise unreadable(f'"failed to parse select parameter ({item})" (line 1, column 1)', "unexpected character in a field name")
    column = identifier(match["column"].strip('"'))
    chosen: sql.Composable = sql.SQL("cast({} as {})").format(column, identifier(match["type"])) if match["type"] else column
    return chosen + sql.SQL(" as {}").format(identifier((match["alias"] or match["column"]).strip('"')))


def _ordered(value: str) -> sql.Composable:
    return sql.SQL(" order by ") + sql.SQL(", ").join(_direction(item) for item in value.split(","))


def _direction(item: str) -> sql.Composable:
    column, *words = item.split(".")
    wanted = {"asc": " asc", "desc": " desc", "nullsfirst": " nulls first", "nullslast": " nulls last"}
    if not column or any(word not in wanted for word in words) or len(words) > 2:
        raise unreadable(f'"failed to parse order ({item})" (line 1, column 1)', "expecting asc, desc, nullsfirst or nullslast")
    return identifier(column) + sql.SQL("".join(wanted[word] for word in words))


def _condition(column: str, value: str) -> tuple[sql.Composable, list[str]]:
    negated = value.startswith("not.")
    operator, dot, operand = value.removeprefix("not.").partition(".")
    found, values = _compared(identifier(column), operator, operand) if dot else (None, [])
    if found is None:
        if re.match(r"(cs|cd|ov|fts|plfts|phfts|wfts|match|imatch|isdistinct|s[lr]|nx[lr]|adj)[.(]|[a-z]+\((any|all|[a-z]+)\)\.", value):
            raise not_implemented(f"the operator in {column}={operator}")
        raise unreadable(
            f'"failed to parse filter ({value})" (line 1, column 1)', f'unexpected "{value[:1]}" expecting "not" or operator (eq, gt, ...)'
        )
    return (sql.SQL("not ({})").format(found) if negated else found), values


def _compared(column: sql.Composable, operator: str, operand: str) -> tuple[sql.Composable | None, list[str]]:
    if operator in _COMPARISONS:
        operand = operand.replace("*", "%") if operator.endswith("like") else operand
        return sql.SQL("{} {} %s").format(column, sql.SQL(_COMPARISONS[operator])), [operand]
    if operator == "is" and operand.lower() in _IS:
        return sql.SQL("{} is {}").format(column, sql.SQL(_IS[operand.lower()])), []
    if operator == "in" and operand.startswith("(") and operand.endswith(")"):
        items = list(_items(operand[1:-1]))
        if not items:
            return sql.SQL("false"), []
        return sql.SQL("{} in ({})").format(column, sql.SQL(", ").join(sql.Placeholder() * len(items))), items
    return None, []


def _items(text: str) -> Iterator[str]:
    for quoted, plain in _ITEM.findall(text):
        yield re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
