"""Is a column's default the time at which its row is written?"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import CACHE_SIZE, SqlSyntaxError, bare, kind, parse_expression, string_parts, unwrap

_CLOCKS = frozenset({"now", "transaction_timestamp", "statement_timestamp", "clock_timestamp"})
_VALUES = frozenset({pg.SVFOP_CURRENT_TIMESTAMP, pg.SVFOP_CURRENT_TIMESTAMP_N, pg.SVFOP_LOCALTIMESTAMP, pg.SVFOP_LOCALTIMESTAMP_N})


@lru_cache(maxsize=CACHE_SIZE)
def is_clock(default: str) -> bool:
    """`now()`, `current_timestamp` and their kin, also in another time zone. What does not parse is none."""
    try:
        return _tells_time(parse_expression(default))
    except SqlSyntaxError:
        return False


def _tells_time(node: Any) -> bool:
    node = bare(node)
    match kind(node):
        case "SQLValueFunction":
            return node.op in _VALUES
        case "FuncCall":
            name = string_parts(node.funcname)
            if name[:-1] not in ((), ("pg_catalog",)):
                return False
            return name[-1] in _CLOCKS or (name[-1] == "timezone" and len(node.args) == 2 and _tells_time(unwrap(node.args[1])))
        case _:
            return False
