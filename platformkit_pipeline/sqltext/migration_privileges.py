"""GRANT, ALTER DEFAULT PRIVILEGES and policies as acts: who gets in, and whether a condition keeps anybody out."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    Granted,
    Made,
    NeedsVersion,
    OwnerSet,
    PolicyWritten,
    RoleRaised,
    RolesJoined,
)
from platformkit_pipeline.sqltext.migration_names import Scope
from platformkit_pipeline.sqltext.parser import Node, kind, string_parts, unwrap
from platformkit_pipeline.sqltext.truth import Truth, fold

_PUBLIC = "PUBLIC"


def grant_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """One act per GRANT; REVOKE is none."""
    grant, defaults = (node.action, True) if kind(node) == "AlterDefaultPrivilegesStmt" else (node, False)
    privileges = tuple(unwrap(p).priv_name.upper() for p in grant.privileges) or ("ALL",)
    if "MAINTAIN" in privileges:
        yield NeedsVersion(line=0, what="the privilege MAINTAIN", version=17)
    if not grant.is_grant:
        return
    yield Granted(
        line=0,
        privileges=privileges,
        kind=str(pg.ObjectType.Name(grant.objtype)).removeprefix("OBJECT_").lower().replace("_", " "),
        objects="objects made later" if defaults else _objects(grant, scope),
        grantees=_roles(grant.grantees),
        defaults=defaults,
    )


def _objects(grant: Node, scope: Scope) -> str:
    names = []
    for wrapper in grant.objects:
        item = unwrap(wrapper)
        match kind(item):
            case "RangeVar":
                names.append(str(scope.table(item)))
            case "ObjectWithArgs":
                names.append(scope.signature(item))
            case "String" if grant.targtype == pg.ACL_TARGET_ALL_IN_SCHEMA:
                names.append(f"all in schema {item.sval}")
            case "String":
                names.append(str(item.sval))
            case "List":
                names.append(".".join(string_parts(item.items)))
    return ", ".join(names)


def membership_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """GRANT role TO role; REVOKE is none."""
    if node.is_grant:
        granted = tuple(unwrap(role).priv_name for role in node.granted_roles)
        yield RolesJoined(line=0, roles=granted, members=_roles(node.grantee_roles))


_RAISING = {"bypassrls": "BYPASSRLS", "superuser": "SUPERUSER", "createrole": "CREATEROLE", "isreplication": "REPLICATION"}


def role_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """CREATE and ALTER ROLE: attributes that lift a role over others, and memberships that come with it."""
    made = kind(node) == "CreateRoleStmt"
    role = str(node.role) if made else _roles([node.role])[0]
    if made:
        yield Made(line=0, kind="role", name=role, guarded=False)
    raised: list[str] = []
    for option in map(unwrap, node.options):
        value = unwrap(option.arg) if option.HasField("arg") else None
        if option.defname in _RAISING and value is not None and value.boolval:
            raised.append(_RAISING[option.defname])
        elif option.defname == "addroleto" and value is not None:
            yield RolesJoined(line=0, roles=_roles(value.items), members=(role,))
        elif option.defname in ("rolemembers", "adminmembers") and value is not None:
            yield RolesJoined(line=0, roles=(role,), members=_roles(value.items))
    if raised:
        yield RoleRaised(line=0, role=role, options=tuple(raised))


def owner_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """ALTER ... OWNER TO of what is no table, and REASSIGN OWNED."""
    if kind(node) == "ReassignOwnedStmt":
        yield OwnerSet(line=0, objects=f"whatever {', '.join(_roles(node.roles))} owns", owner=_roles([node.newrole])[0])
        return
    item = unwrap(node.object)
    match kind(item):
        case "ObjectWithArgs":
            label = scope.signature(item)
        case "List":
            label = str(scope.name(string_parts(item.items)))
        case "String":
            label = str(item.sval)
        case _:
            label = "an object"
    yield OwnerSet(line=0, objects=label, owner=_roles([node.newowner])[0])


def policy_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """CREATE and ALTER POLICY."""
    table = scope.table(node.table)
    made = kind(node) == "CreatePolicyStmt"
    if made:
        yield Made(line=0, kind="policy", name=f"{node.policy_name} on {table}", guarded=False)
    yield PolicyWritten(
        line=0,
        name=node.policy_name,
        table=table,
        made=made,
        command=node.cmd_name if made else "",
        permissive=node.permissive if made else True,
        roles=_roles(node.roles),
        using_open=_open(node, "qual"),
        check_open=_open(node, "with_check"),
    )


def _open(node: Node, field: str) -> bool | None:
    return fold(unwrap(getattr(node, field))) is Truth.TRUE if node.HasField(field) else None


def _roles(roles: object) -> tuple[str, ...]:
    specs = [unwrap(role) for role in roles]  # type: ignore[attr-defined]  # messages of the parser are not typed
    return tuple(_PUBLIC if spec.roletype == pg.ROLESPEC_PUBLIC else str(spec.rolename) for spec in specs)
