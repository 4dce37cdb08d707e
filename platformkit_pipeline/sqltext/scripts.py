"""Scripts of several statements."""

from __future__ import annotations

import postgast

from platformkit_pipeline.sqltext.parser import SqlSyntaxError


def split_statements(text: str) -> tuple[str, ...]:
    """The statements of a script, each without its semicolon. Raises SqlSyntaxError."""
    try:
        return tuple(statement.strip() for statement in postgast.split(text))
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(str(error)) from None
