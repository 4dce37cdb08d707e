"""Which arguments of a call are executed as SQL: those of built-in and extension functions that take a statement as text.

`cursor_to_xml`, `table_to_xml` and their like take a cursor, a regclass or a name, and execute no text of their caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.sqltext.parser import Node, constant_of, kind, string_parts, unwrap

_CALLED = ("query_to_xml", "dblink", "cron", "ts_stat", "ts_rewrite", "crosstab")
_OTHER_LANGUAGES = re.compile(r"\b(?:plpy|plv8|spi_\w+)\b", re.IGNORECASE)
"""How PL/Python, PL/V8, PL/Perl and PL/Tcl reach the server: without one of these words they execute nothing."""


def mentions_execution(body: str, language: str) -> bool:
    """Whether a word stands in it without which a body executes no text by itself; most bodies end here and are never parsed."""
    if language not in ("sql", "plpgsql"):
        return _OTHER_LANGUAGES.search(body) is not None
    folded = body.lower()
    return (language == "plpgsql" and "execute" in folded) or any(word in folded for word in _CALLED)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as far as it tells which function is meant."""

    name: tuple[str, ...]
    arguments: tuple[str, ...]
    """Name of each argument; empty for those that are given by position."""
    flags: tuple[bool, ...]
    """Whether each argument is a boolean constant, which no statement is."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What a call executes of what it is given, by position in the call."""

    surely: frozenset[int] = frozenset()
    perhaps: Mapping[int, str] = field(default_factory=dict)
    """Position → why it cannot be told."""
    always: frozenset[str] = frozenset()
    """What of the caller's it executes whatever it is given: `auth.jwt()`."""


NOTHING = Executed()
Executes = Callable[[Call], Executed]


def call_of(node: Any) -> tuple[Call, list[Node]]:
    """The call and its arguments, of a FuncCall."""
    given = [unwrap(argument) for argument in node.args]
    names = tuple(a.name if kind(a) == "NamedArgExpr" else "" for a in given)
    values = [unwrap(a.arg) if kind(a) == "NamedArgExpr" else a for a in given]
    return Call(string_parts(node.funcname), names, tuple(map(_is_flag, values))), values


def _is_flag(node: Any) -> bool:
    while kind(node) == "TypeCast":
        node = unwrap(node.arg)
    constant = constant_of(node)
    return constant is not None and isinstance(constant.value, bool)


_OF_THE_SERVER = {
    "query_to_xml": (0,),
    "query_to_xmlschema": (0,),
    "query_to_xml_and_xmlschema": (0,),
    "ts_stat": (0,),
}
_OF_CRON = {"schedule": (1, 2), "schedule_in_database": (2,), "alter_job": (2,)}
_OF_DBLINK = frozenset({"dblink", "dblink_exec", "dblink_open", "dblink_send_query"})
_OF_TABLEFUNC = re.compile(r"crosstab(?:\d|n|hash)?\Z")
_NAMES = frozenset({"query", "command", "sql"})
"""What those of the parameters are called that have a name."""


def executed_by_built_in(call: Call) -> Executed:
    """By the name alone: a function of the project with such a name has to be looked for first."""
    positions = _positions(call)
    if not positions:
        return NOTHING
    named = [place for place, name in enumerate(call.arguments) if name in _NAMES]
    by_position = sum(1 for name in call.arguments if not name)
    return Executed(frozenset({*named, *(place for place in positions if place < by_position)}))


def _positions(call: Call) -> tuple[int, ...]:
    schema, name, count = call.name[:-1], call.name[-1], len(call.arguments)
    if schema in ((), ("pg_catalog",)):
        if name in _OF_THE_SERVER:
            return _OF_THE_SERVER[name]
        if name == "ts_rewrite":
            return (1,) if count == 2 else ()
    if schema == ("cron",) and name in _OF_CRON:
        # without a name for the job, the command is the second of two
        return (1,) if name == "schedule" and count == 2 else _OF_CRON[name][-1:]
    if name in _OF_DBLINK:
        return _of_dblink(name, call.flags)
    return (0, 1) if _OF_TABLEFUNC.match(name) else ()


def _of_dblink(name: str, flags: tuple[bool, ...]) -> tuple[int, ...]:
    """The last argument that is no flag; a name of the connection, and for `dblink_open` of the cursor, stands before it."""
    texts = len(flags) - bool(flags and flags[-1])
    most = 3 if name == "dblink_open" else 2
    return (min(texts, most) - 1,) if texts else ()
