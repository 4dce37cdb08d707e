"""Statements inside of statements: writing queries of WITH, and what EXPLAIN ANALYZE, PREPARE and COPY run."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.sqltext.parser import Node, kind, unwrap

_WRITING = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
_WITH = _WRITING | {"SelectStmt"}


def inner_statements(node: Node) -> Iterator[Node]:
    """Those that are run with `node`, one level down. Queries of WITH that only read belong to the statement itself."""
    match kind(node):
        case name if name in _WITH:
            for wrapper in node.with_clause.ctes:
                query = unwrap(unwrap(wrapper).ctequery)
                if kind(query) in _WRITING:
                    yield query
        case "ExplainStmt" if any(unwrap(option).defname == "analyze" for option in node.options):
            yield unwrap(node.query)
        case "PrepareStmt":  # whoever prepares a statement means to run it
            yield unwrap(node.query)
        case "CopyStmt" if node.HasField("query"):
            yield unwrap(node.query)
