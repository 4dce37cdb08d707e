"""Asking the server inside the probe's transaction: each question below a savepoint that takes everything back, in the name of a caller."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from platformkit_pipeline.model.snapshot import Column, Relation

SIGNED_IN = "authenticated"
PERMISSION_DENIED = "42501"
_REASONS = {
    "57014": "the statement timeout ended the trial",
    "55P03": "another session holds a lock on the table",
    "25006": "a policy or a trigger wants to write, and the transaction is read-only",
    "54001": "the policies are nested too deeply",
    "42P17": "the policies refer to one another without end",
}
_METADATA = re.compile(
    r"(?:'user_metadata'::text\)* ->>? '|#>>? '\{user_metadata,)(?P<key>\w+)\}?'::text(?:\[\])?\)*(?: = '(?P<value>[^']*)'::)?"
)
_SAVEPOINT = sql.SQL("savepoint platformkit_probe")
_BACK = sql.SQL("rollback to savepoint platformkit_probe; release savepoint platformkit_probe")
_DONE = sql.SQL("release savepoint platformkit_probe")
_WHOLE_NUMBERS = frozenset({"smallint", "integer", "bigint"})

PAST_POLICIES = sql.SQL("set local row_security = off")
"""Whoever is subject to policies then gets an error instead of fewer rows."""
BY_POLICIES = sql.SQL("set local row_security = on")
STILL_TRIGGERS = sql.SQL("set local session_replication_role = replica")
"""Foreign keys and ordinary triggers then keep still. Not every administrator may set it."""
MOVING_TRIGGERS = sql.SQL("set local session_replication_role = origin")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server's SQLSTATE instead of an answer; the text of the error may quote a row and stays behind."""

    sqlstate: str
    because: str = ""
    """What it comes from, where that is not the database but the way in which it was asked."""

    @property
    def denied(self) -> bool:
        """The caller lacks a privilege."""
        return self.sqlstate == PERMISSION_DENIED and not self.because

    @property
    def reason(self) -> str:
        return self.because or _REASONS.get(self.sqlstate, f"the server refused the trial with SQLSTATE {self.sqlstate}")


@dataclass(frozen=True, slots=True)
class Reply:
    """Rows of the statements that return any, and how many rows the others changed, in their order."""

    rows: tuple[tuple[object, ...], ...]
    changed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """A user of one tenant, and another tenant with a user of its own. Values as text."""

    own: str
    other: str
    user: str
    other_user: str
    whole_number: bool = False
    """The tenants are numbers, and so are their claims."""


@dataclass(slots=True)
class Session:
    """One connection within the transaction of the probe. `claim` names the claim that holds the caller's tenant."""

    connection: psycopg.Connection
    claim: str
    forged: dict[str, object] = field(default_factory=dict)
    """What the policies look for in user_metadata, beside the tenant."""

    def ask(self, *statements: sql.Composable) -> Reply | Refusal:
        """Run the statements below a savepoint that takes back what they did, roles and settings included. One message."""
        return self._sent(_SAVEPOINT, *statements, _BACK)

    def keep(self, *statements: sql.Composable) -> Reply | Refusal:
        """As `ask`, but what they did stays until the surrounding savepoint or transaction is rolled back."""
        return self._sent(_SAVEPOINT, *statements, _DONE)

    def _sent(self, *statements: sql.Composable) -> Reply | Refusal:
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql.SQL("; ").join(statements))
        except psycopg.Error as error:
            if error.sqlstate is None or self.connection.closed:
                raise
            self.connection.execute(_BACK)
            return Refusal(error.sqlstate)
        rows: list[tuple[object, ...]] = []
        changed: list[int] = []
        while True:
            if cursor.description:
                rows += cursor.fetchall()
            elif (cursor.statusmessage or "").split(" ")[0] in ("INSERT", "UPDATE", "DELETE"):
                changed.append(cursor.rowcount)
            if not cursor.nextset():
                return Reply(tuple(rows), tuple(changed))

    def as_caller(self, caller: Caller | None, role: str, *, forging: bool = True) -> tuple[sql.Composable, ...]:
        """The role and the claims of a request. Whoever is signed in may write what they like into their user_metadata.

        Without `caller`, whoever is signed in belongs to no tenant: they have just signed up.
        """
        claims: dict[str, object] = {"role": role}
        if role == SIGNED_IN and caller is None:
            claims |= {"sub": str(uuid.uuid4()), "aud": SIGNED_IN, "app_metadata": {}, "user_metadata": {}}
        elif role == SIGNED_IN and caller is not None:
            own, other = (int(t) if caller.whole_number else t for t in (caller.own, caller.other))
            claims |= {
                "sub": caller.user,
                "aud": SIGNED_IN,
                self.claim: own,
                "app_metadata": {self.claim: own},
                "user_metadata": {**self.forged, self.claim: other} if forging else {self.claim: own},
            }
        settings = {
            "request.jwt.claims": json.dumps(claims),
            "request.jwt.claim.role": role,
            "request.jwt.claim.sub": str(claims.get("sub", "")),
        }
        return (
            BY_POLICIES,
            as_role(role),
            sql.SQL("select {}").format(
                sql.SQL(", ").join(
                    sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
                    for name, value in settings.items()
                )
            ),
        )


def forged_by(policies: str) -> dict[str, object]:
    """Keys that policies read of user_metadata, with the value that they compare each with, else true."""
    return {m["key"]: m["value"] if m["value"] is not None else True for m in _METADATA.finditer(policies)}


def as_role(role: str) -> sql.Composed:
    return sql.SQL("set local role {}").format(sql.Identifier(role))


def name_of(relation: Relation) -> sql.Identifier:
    return sql.Identifier(relation.schema, relation.name)


def literal(value: str, column: Column) -> sql.Composed:
    """A value of the column's type, whose name the server itself has printed."""
    return sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(column.type))


def is_whole_number(column: Column) -> bool:
    return column.type in _WHOLE_NUMBERS
