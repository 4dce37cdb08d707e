"""Functions and procedures, by the text that the server printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import Function, Snapshot
from platformkit_pipeline.sandbox.shadow.access import changes, default_privileges_of
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for

_WORD = re.compile(r'"(?:[^"]|"")*"|[\w$]+')
_COMES_WITH_A_RANGE = re.compile(r"\bAS \$function\$(?:multi)?range_constructor[0-3]\$function\$")
"""The server makes these functions when a range type is made."""


def functions(snapshot: Snapshot, *, late: bool) -> Iterator[Statement]:
    """Those that tables can refer to, or (`late`) those that refer to tables: by a row type, or by a body that is parsed."""
    relations = {relation.name for relation in snapshot.relations}
    for function in snapshot.functions:
        if function.extension is not None or function.definition is None or _comes_with_a_range(function):
            continue
        if _needs_tables(function, relations) is late:
            yield statement_for(function, function.definition)


def function_owners(snapshot: Snapshot, superuser: str) -> Iterator[Statement]:
    for function in snapshot.functions:
        if function.extension is None and function.definition is not None and function.owner != superuser:
            yield statement_for(function, f"alter routine {signature(function)} owner to {quoted(function.owner)}")


def function_privileges(snapshot: Snapshot) -> Iterator[Statement]:
    """Also on those of extensions: they got what default privileges gave when the extension was created."""
    for function in snapshot.functions:
        if function.definition is not None or function.extension is not None:
            have = default_privileges_of("routine", function.owner)
            for sql in changes("routine", f"routine {signature(function)}", have, function.privileges):
                yield statement_for(function, sql)


def signature(function: Function) -> str:
    """As ROUTINE takes it: the arguments of an ordered-set aggregate in one row."""
    arguments = function.arguments
    if function.kind == "aggregate" and "ORDER BY " in arguments:
        direct, _, ordered = arguments.partition("ORDER BY ")
        variadic = ordered.startswith("VARIADIC ") and direct.strip() == ordered  # one argument, printed twice
        arguments = ordered if variadic or not direct else f"{direct.strip()}, {ordered}"
    return f"{quoted_in(function.schema, function.name)}({arguments})"


def _comes_with_a_range(function: Function) -> bool:
    return function.language == "internal" and _COMES_WITH_A_RANGE.search(function.definition or "") is not None


def _needs_tables(function: Function, relations: set[str]) -> bool:
    if function.sql_body is not None or function.kind == "aggregate":
        return True
    words = _WORD.findall(f"{function.arguments} {function.result or ''}")
    return any((word[1:-1].replace('""', '"') if word.startswith('"') else word) in relations for word in words)
