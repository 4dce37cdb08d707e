"""What the statements of a migration do to a schema, one record per act, in the order in which they are done.

Names are resolved by the script's own search_path. `certain` is False for what stands in a branch, a loop or a block that
handles errors: it may be done or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

ANY_NAME = "platformkit_any_name"
"""Stands for a name that dynamic SQL puts in when it is run."""


class QualifiedName(NamedTuple):
    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def known(self) -> bool:
        return ANY_NAME not in self


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    line: int
    """Where it stands in the file; 1 is the first line."""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ColumnMade:
    name: str
    type: str
    """As written, without the schema of built-in types, e.g. `varchar(10)`, `int4`."""
    not_null: bool = False
    filled: bool = False
    """Old rows get a value: it has a default, is generated, or an identity."""


@dataclass(frozen=True, slots=True)
class TableMade(Action):
    name: QualifiedName
    columns: tuple[ColumnMade, ...] = ()
    parent: QualifiedName | None = None
    """The partitioned table that it is a part of."""
    temporary: bool = False
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Made(Action):
    """CREATE of anything: `kind` is PostgreSQL's noun for it, `guarded` says IF NOT EXISTS or OR REPLACE."""

    kind: str
    name: str
    guarded: bool


@dataclass(frozen=True, slots=True)
class Dropped(Action):
    kind: str
    name: str
    """As in `Made.name`; for a table that of `table`."""
    guarded: bool
    cascade: bool
    table: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class TableRenamed(Action):
    """Another name, another schema, or both."""

    old: QualifiedName
    new: QualifiedName


@dataclass(frozen=True, slots=True)
class InterfaceRenamed(Action):
    """Another name, another schema, of what clients use and what is no table: `kind` as in `Dropped`, or `schema`, `enum value`."""

    kind: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ColumnRenamed(Action):
    table: QualifiedName
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ColumnAdded(Action):
    table: QualifiedName
    column: ColumnMade
    guarded: bool


@dataclass(frozen=True, slots=True)
class ColumnDropped(Action):
    table: QualifiedName
    column: str
    guarded: bool


@dataclass(frozen=True, slots=True)
class TypeChanged(Action):
    table: QualifiedName
    column: str
    type: str
    computed: bool = False
    """USING gives something else than the value itself, or a cast of it to the new type."""


@dataclass(frozen=True, slots=True)
class NotNullSet(Action):
    table: QualifiedName
    column: str


@dataclass(frozen=True, slots=True)
class RowSecuritySet(Action):
    table: QualifiedName
    enabled: bool


@dataclass(frozen=True, slots=True)
class PartitionAttached(Action):
    parent: QualifiedName
    child: QualifiedName


@dataclass(frozen=True, slots=True)
class Truncated(Action):
    tables: tuple[QualifiedName, ...]


@dataclass(frozen=True, slots=True)
class RowsRemovedOrChanged(Action):
    """UPDATE or DELETE; `filtered` when a WHERE can leave rows out."""

    command: str
    table: QualifiedName
    filtered: bool
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataCopied(Action):
    """INSERT ... SELECT, CREATE TABLE AS, UPDATE, MERGE: `sources` were read, `columns` are named in the statement."""

    sources: frozenset[QualifiedName]
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class RowsInserted(Action):
    table: QualifiedName
    guarded: bool
    """ON CONFLICT, or a condition that looks for the row first."""


@dataclass(frozen=True, slots=True)
class Granted(Action):
    privileges: tuple[str, ...]
    """Upper case; `ALL` alone for all of them."""
    kind: str
    """table, sequence, function, schema, ..., as GRANT names them."""
    objects: str
    grantees: tuple[str, ...]
    defaults: bool = False
    """ALTER DEFAULT PRIVILEGES: for what is made later."""


@dataclass(frozen=True, slots=True)
class RolesJoined(Action):
    """GRANT role TO role."""

    roles: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoleRaised(Action):
    """CREATE or ALTER ROLE with BYPASSRLS, SUPERUSER, CREATEROLE or REPLICATION, or members that it gets at once."""

    role: str
    options: tuple[str, ...]
    """As written in SQL, upper case."""


@dataclass(frozen=True, slots=True)
class OwnerSet(Action):
    objects: str
    owner: str


@dataclass(frozen=True, slots=True)
class PolicyWritten(Action):
    """CREATE or ALTER POLICY. None: it has no such expression, or ALTER leaves it as it was."""

    name: str
    table: QualifiedName
    made: bool
    command: str
    """all, select, insert, update or delete; empty for ALTER, which does not name it."""
    permissive: bool
    roles: tuple[str, ...]
    """`PUBLIC` for all; empty where ALTER leaves them as they were."""
    using_open: bool | None
    check_open: bool | None


@dataclass(frozen=True, slots=True)
class FunctionWritten(Action):
    name: QualifiedName
    arguments: str
    replaces: bool
    definer: bool
    fixed_path: bool
    """It has a setting of its own for search_path, or a body that was bound to objects (BEGIN ATOMIC)."""
    body: str = field(default="", repr=False)
    definition: str = field(default="", repr=False)
    """The whole statement, where it stands in the file itself."""

    @property
    def signature(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True, slots=True)
class FunctionAltered(Action):
    name: QualifiedName
    arguments: str | None
    """None: named without arguments."""
    definer: bool | None
    fixed_path: bool | None


@dataclass(frozen=True, slots=True)
class ViewWritten(Action):
    name: QualifiedName
    replaces: bool
    invoker: bool


@dataclass(frozen=True, slots=True)
class ViewAltered(Action):
    name: QualifiedName
    invoker: bool


@dataclass(frozen=True, slots=True)
class ExtensionPlaced(Action):
    """CREATE EXTENSION, or ALTER EXTENSION ... SET SCHEMA. `schema` is None where the statement does not say."""

    name: str
    schema: str | None


@dataclass(frozen=True, slots=True)
class Commented(Action):
    table: QualifiedName
    text: str


@dataclass(frozen=True, slots=True)
class FunctionCalled(Action):
    name: str
    """Without schema."""
    schema: str = ""
    """As written; empty where the search_path decides."""


@dataclass(frozen=True, slots=True)
class EventTriggerMade(Action):
    function: str


@dataclass(frozen=True, slots=True)
class NeedsVersion(Action):
    """Something that older servers refuse. `version` is the first major that has it."""

    what: str
    version: int


@dataclass(frozen=True, slots=True)
class Unreadable(Action):
    """Dynamic SQL or a block that cannot be followed. `hint` are the constants in it, in lower case; empty for none."""

    reason: str
    hint: str = ""
