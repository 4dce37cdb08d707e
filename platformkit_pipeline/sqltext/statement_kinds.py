"""What a statement is, read from its parse tree: the words that a rule declares for its patches (`ALTER TABLE ENABLE ROW SECURITY`)."""

from __future__ import annotations

import re

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import Node, kind, parse_statement

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES = {
    "IndexStmt": "CREATE INDEX",
    "CreateStmt": "CREATE TABLE",
    "CreateTrigStmt": "CREATE TRIGGER",
    "ViewStmt": "CREATE VIEW",
    "CreateTableAsStmt": "CREATE TABLE AS",
    "ReindexStmt": "REINDEX",
}
"""Where the name of the node is not that of the command."""

_OBJECTS = {"MATVIEW": "MATERIALIZED VIEW", "TABCONSTRAINT": "CONSTRAINT"}


def statement_kinds(statement: str) -> tuple[str, ...]:
    """The command, with the action where a command has many: one kind, or one per action of an ALTER TABLE.

    CASCADE is told as well, because it reaches objects that the statement does not name. Raises SqlSyntaxError when the text
    is not exactly one statement.
    """
    node = parse_statement(statement)
    name = kind(node)
    if name == "AlterTableStmt":
        subject = _object(node.objtype)
        return tuple(_alter(subject, action.alter_table_cmd) for action in node.cmds)
    return (_single(name, node) + _cascade(node),)


def _alter(subject: str, action: Node) -> str:
    words = _spaced(pg.AlterTableType.Name(action.subtype).removeprefix("AT_"))
    return f"ALTER {subject} {words}" + _cascade(action)


def _single(name: str, node: Node) -> str:
    match name:
        case "DropStmt":
            return f"DROP {_object(node.remove_type)}"
        case "GrantStmt":
            return f"{'GRANT' if node.is_grant else 'REVOKE'} ON {_object(node.objtype)}"
        case "GrantRoleStmt":
            return "GRANT ROLE" if node.is_grant else "REVOKE ROLE"
        case "AlterDefaultPrivilegesStmt":
            return "ALTER DEFAULT PRIVILEGES " + ("GRANT" if node.action.is_grant else "REVOKE")
        case "AlterFunctionStmt":
            actions = " ".join(dict.fromkeys(a.def_elem.defname.upper() for a in node.actions))
            return f"ALTER {_object(node.objtype)} {actions}"
        case "AlterObjectSchemaStmt":
            return f"ALTER {_object(node.object_type)} SET SCHEMA"
        case "AlterOwnerStmt":
            return f"ALTER {_object(node.object_type)} OWNER TO"
        case "RenameStmt":
            return f"ALTER {_object(node.rename_type)} RENAME"
        case "CommentStmt":
            return f"COMMENT ON {_object(node.objtype)}"
    return _NAMES.get(name) or _spaced(name.removesuffix("Stmt"))


def _object(number: int) -> str:
    name: str = pg.ObjectType.Name(number).removeprefix("OBJECT_").replace("_", " ")
    return _OBJECTS.get(name, name)


def _spaced(camel: str) -> str:
    return _WORD.sub(" ", camel).upper()


def _cascade(node: Node) -> str:
    return " CASCADE" if getattr(node, "behavior", pg.DROP_RESTRICT) == pg.DROP_CASCADE else ""
