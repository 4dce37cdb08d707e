"""The policies of tables as one condition per question that PostgreSQL asks them, as text that can be put into a SELECT.

The texts are read anew, under an empty search path: those of a snapshot may have secrets masked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.session import Refusal, Session
from platformkit_pipeline.model.snapshot import PUBLIC
from platformkit_pipeline.rules.database.catalog import Name

_POLICIES = sql.SQL(
    "select n.nspname, c.relname, p.polcmd::text, p.polpermissive,"
    " array(select coalesce(r.rolname, 'PUBLIC')::text from unnest(p.polroles) as x left join pg_catalog.pg_roles as r on r.oid = x),"
    " pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)"
    " from pg_catalog.pg_policy as p join pg_catalog.pg_class as c on c.oid = p.polrelid"
    " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace order by p.polrelid, p.polname"
)
_LETTERS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy. `using` and `with_check` are None where the policy has none."""

    letter: str
    """r, a, w or d as in pg_policy, or *."""
    permissive: bool
    roles: frozenset[str]
    using: str | None
    with_check: str | None

    def applies(self, command: str, names: frozenset[str]) -> bool:
        return self.letter in ("*", _LETTERS[command]) and not self.roles.isdisjoint(names)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must be true of a row, command by command, for one role. Each is an SQL expression over the columns of the table."""

    reading: str
    inserting: str
    updating: str
    updated: str
    deleting: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.reading, self.inserting, self.updating, self.updated, self.deleting)


def policies_by_table(session: Session) -> dict[Name, tuple[PolicyText, ...]]:
    """All policies of the database; none where they cannot be read, which every role may."""
    reply = session.ask(sql.SQL("set local search_path = pg_catalog"), _POLICIES)
    found: dict[Name, list[PolicyText]] = defaultdict(list)
    if not isinstance(reply, Refusal):
        for schema, relation, letter, permissive, roles, using, with_check in reply.rows:
            policy = PolicyText(str(letter), bool(permissive), frozenset(_names(roles)), _text(using), _text(with_check))
            found[(str(schema), str(relation))].append(policy)
    return {name: tuple(policies) for name, policies in found.items()}


def conditions_for(policies: Sequence[PolicyText], names: frozenset[str]) -> Conditions:
    """`names` are the role, what it inherits from, and PUBLIC.

    A policy without USING adds nothing to what may be touched; one without WITH CHECK is asked by its USING instead.
    """
    return Conditions(
        _together(policies, "SELECT", names, _using),
        _together(policies, "INSERT", names, _check),
        _together(policies, "UPDATE", names, _using),
        _together(policies, "UPDATE", names, _check),
        _together(policies, "DELETE", names, _using),
    )


def has_policy(policies: Iterable[PolicyText], command: str, names: frozenset[str]) -> bool:
    """Some permissive policy lets the role run the command at all."""
    part = _check if command == "INSERT" else _using
    return any(p.permissive and p.applies(command, names) and part(p) is not None for p in policies)


def _using(policy: PolicyText) -> str | None:
    return policy.using


def _check(policy: PolicyText) -> str | None:
    return policy.with_check if policy.with_check is not None else policy.using


def _together(policies: Sequence[PolicyText], command: str, names: frozenset[str], part: Callable[[PolicyText], str | None]) -> str:
    applying = [(p.permissive, text) for p in policies if p.applies(command, names) and (text := part(p)) is not None]
    permissive = [f"({text})" for lets, text in applying if lets]
    if not permissive:
        return "false"
    return " and ".join([f"({' or '.join(permissive)})", *(f"({text})" for lets, text in applying if not lets)])


def _names(roles: object) -> list[str]:
    return [PUBLIC if str(r) == "PUBLIC" else str(r) for r in roles] if isinstance(roles, list) else []


def _text(value: object) -> str | None:
    return None if value is None else str(value)
