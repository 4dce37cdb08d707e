"""Privileges: what has to be granted and revoked, so that an access control list becomes the observed one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from platformkit_pipeline.model.snapshot import PUBLIC, Privilege
from platformkit_pipeline.sandbox.shadow.statement import grantee

COMPLETE = {
    "table": ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    "column": ("INSERT", "REFERENCES", "SELECT", "UPDATE"),
    "sequence": ("SELECT", "UPDATE", "USAGE"),
    "schema": ("CREATE", "USAGE"),
    "routine": ("EXECUTE",),
    "type": ("USAGE",),
    "large object": ("SELECT", "UPDATE"),
}
"""All privileges on a kind of object, as far as they are observed (MAINTAIN, from 17 on, is not)."""

_GIVEN_TO_ALL = {"routine": "EXECUTE", "type": "USAGE"}


def default_privileges_of(kind: str, owner: str) -> tuple[Privilege, ...]:
    """What a new object of the kind grants: an access control list that is null means the same."""
    granted = [Privilege(owner, privilege) for privilege in COMPLETE[kind]] if kind != "column" else []
    if kind in _GIVEN_TO_ALL:
        granted.append(Privilege(PUBLIC, _GIVEN_TO_ALL[kind]))
    return tuple(granted)


def changes(kind: str, on: str, have: Iterable[Privilege], want: Iterable[Privilege], *, columns: str = "") -> Iterator[str]:
    """GRANT and REVOKE statements. `on` says on what (`table "a"."b"`), `columns` names one in parentheses."""
    held = {(p.grantee, p.privilege): p.grantable for p in have}
    wanted = {(p.grantee, p.privilege): p.grantable for p in want}
    for privileges, grantees in _grouped(key for key in held if key not in wanted):
        yield f"revoke {_listed(kind, privileges, columns)} on {on} from {grantees}"
    for privileges, grantees in _grouped(key for key, option in held.items() if option and wanted.get(key) is False):
        yield f"revoke grant option for {_listed(kind, privileges, columns)} on {on} from {grantees}"
    for privileges, grantees in _grouped(key for key, option in wanted.items() if not option and key not in held):
        yield f"grant {_listed(kind, privileges, columns)} on {on} to {grantees}"
    for privileges, grantees in _grouped(key for key, option in wanted.items() if option and not held.get(key)):
        yield f"grant {_listed(kind, privileges, columns)} on {on} to {grantees} with grant option"


def _grouped(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each set of privileges once, with all who have it."""
    by_grantee: dict[str, set[str]] = defaultdict(set)
    for role, privilege in keys:
        by_grantee[role].add(privilege)
    by_privileges: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for role, privileges in by_grantee.items():
        by_privileges[tuple(sorted(privileges))].append(role)
    for group, roles in sorted(by_privileges.items()):
        yield group, ", ".join(map(grantee, sorted(roles)))


def _listed(kind: str, privileges: tuple[str, ...], columns: str) -> str:
    """ALL where it is all: on 17 and later that takes MAINTAIN along, as it did where it was granted."""
    if privileges == COMPLETE[kind]:
        return f"all privileges {columns}".rstrip()
    return ", ".join(f"{privilege} {columns}".rstrip() for privilege in privileges)
