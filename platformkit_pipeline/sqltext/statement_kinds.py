"""What a statement is, read from its parse tree: the words that a rule declares for its patches (`ALTER TABLE ENABLE ROW SECURITY`)."""

from __future__ import annotations

import re

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import Node, kind, parse_statement

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES = {
    "CreateStmt": "CREATE TABLE",
    "CreateTrigStmt": "CREATE TRIGGER",
    "ViewStmt": "CREATE VIEW",
    "CreateTableAsStmt": "CREATE TABLE AS",
    "ReindexStmt": "REINDEX",
}
"""Where the name of the node is not that of the command."""

_ON_DELETE = {"c": " ON DELETE CASCADE", "n": " ON DELETE SET NULL", "d": " ON DELETE SET DEFAULT"}
_OBJECTS = {"MATVIEW": "MATERIALIZED VIEW", "TABCONSTRAINT": "CONSTRAINT"}


def statement_kinds(statement: str) -> tuple[str, ...]:
    """The command, with the action where a command has many: one kind, or one per action of an ALTER TABLE.

    Settings and storage options are told by name. CASCADE is told as well, and ALL ... IN SCHEMA, because they reach objects that the
    statement does not name. Raises SqlSyntaxError when the text
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
    if words.endswith("REL OPTIONS"):
        names = sorted(option.def_elem.defname for option in getattr(action, "def").list.items)
        words = f"{words} {', '.join(names)}"
    if words == "ADD CONSTRAINT":
        words += _constraint(getattr(action, "def").constraint)
    return f"ALTER {subject} {words}" + _cascade(action)


def _constraint(constraint: Node) -> str:
    """A foreign key is told from what else may bear its name, and one that deletes or changes rows from one that keeps them."""
    if constraint.contype != pg.CONSTR_FOREIGN:
        return f" {pg.ConstrType.Name(constraint.contype).removeprefix('CONSTR_')}"
    return " FOREIGN KEY" + _ON_DELETE.get(constraint.fk_del_action, "")


def _action(element: Node) -> str:
    """SET and RESET are told with what they set: a setting may change whom a function acts as."""
    setting = element.arg.variable_set_stmt if element.defname == "set" else None
    if setting is None:
        return str(element.defname).upper()
    return f"SET {setting.name}" if setting.name else "RESET ALL"


def _single(name: str, node: Node) -> str:
    match name:
        case "DropStmt":
            return f"DROP {_object(node.remove_type)}"
        case "GrantStmt":
            wide = "ALL " * (node.targtype == pg.ACL_TARGET_ALL_IN_SCHEMA)
            return f"{'GRANT' if node.is_grant else 'REVOKE'} ON {wide}{_object(node.objtype)}"
        case "IndexStmt":
            return "CREATE UNIQUE INDEX" if node.unique else "CREATE INDEX"
        case "GrantRoleStmt":
            return "GRANT ROLE" if node.is_grant else "REVOKE ROLE"
        case "AlterDefaultPrivilegesStmt":
            return "ALTER DEFAULT PRIVILEGES " + ("GRANT" if node.action.is_grant else "REVOKE")
        case "AlterFunctionStmt":
            actions = " ".join(dict.fromkeys(_action(a.def_elem) for a in node.actions))
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
