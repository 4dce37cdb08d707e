"""Is an expression true once a column is known to hold a certain value?"""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.message import Message

from platformkit_pipeline.sqltext.parser import Node, column_path, kind, parse_expression
from platformkit_pipeline.sqltext.truth import Truth, fold


@lru_cache(maxsize=4096)
def is_true_where(expression: str, column: str, value: str) -> bool:
    """True when `expression` lets every row through whose `column` is the text `value`, whoever asks. Raises SqlSyntaxError."""
    tree = parse_expression(expression)
    root = type(tree)()
    root.CopyFrom(tree)  # the parsed tree is shared by everybody who asked for this text
    if kind(root) != "ColumnRef":
        _put(root, column, value)
    return fold(root) is Truth.TRUE


def _put(node: Node, column: str, value: str) -> None:
    for descriptor, field in node.ListFields():
        if descriptor.message_type is None:
            continue
        items: list[Node] = [field] if isinstance(field, Message) else list(field)
        for item in items:
            if item.DESCRIPTOR.name == "Node" and item.WhichOneof("node") == "column_ref" and _names(item.column_ref, column):
                item.a_const.sval.sval = value
            else:
                _put(item, column, value)


def _names(reference: Node, column: str) -> bool:
    path = column_path(reference)
    return path is not None and path[-1] == column
