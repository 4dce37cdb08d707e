"""Which acts of a set take something away from those who use the database, and whether its data went elsewhere before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from platformkit_pipeline.rules.migration_subject import Migration, MigrationSubject
from platformkit_pipeline.sqltext.migration_actions import (
    ANY_NAME,
    Action,
    ColumnAdded,
    ColumnDropped,
    ColumnRenamed,
    DataCopied,
    Dropped,
    InterfaceRenamed,
    Made,
    NotNullSet,
    QualifiedName,
    RowsRemovedOrChanged,
    TableMade,
    TableRenamed,
    Truncated,
    TypeChanged,
)

_INTERFACES = frozenset({"view", "materialized view", "function", "aggregate", "type", "domain", "sequence", "foreign table"})
"""What clients use that holds no rows of its own."""
_SIZED = re.compile(r"(?P<base>[a-z_0-9.]+?)\((?P<size>[\d,]+)\)\Z")
_WIDER = {
    "serial": {"int4", "int8", "numeric"},
    "bigserial": {"int8", "numeric"},
    "smallserial": {"int2", "int4", "int8", "numeric"},
    "int2": {"int4", "int8", "numeric"},
    "int4": {"int8", "numeric"},
    "int8": {"numeric"},
    "float4": {"float8"},
    "date": {"timestamp", "timestamptz"},
    "varchar": {"text"},
    "bpchar": {"varchar", "text"},
    "json": {"jsonb"},
}


@dataclass(frozen=True, slots=True)
class BreakingChange:
    """One act that takes something away. `destructive` when rows or values may be lost by it."""

    migration: Migration
    action: Action
    about: str
    what: str
    destructive: bool = False
    data_moved: bool = False
    unfilled: bool = False
    """Rows that are there have no value for a column that must have one."""
    undecided: str = ""
    """Why it cannot be told whether values are lost."""


def breaking_changes(subject: MigrationSubject) -> Iterator[BreakingChange]:
    """Breaking changes of the judged files; files applied earlier are read for what they made."""
    history = _History()
    for migration in subject.migrations:
        made_again = {(a.kind, _bare(a.name)) for a in migration.actions if isinstance(a, Made)}
        for action in migration.actions:
            found = list(history.judge(migration, action, made_again))
            if migration.judged:
                yield from found
            history.learn(migration, action)


def _bare(name: str) -> str:
    return name.split("(", 1)[0]


@dataclass(slots=True)
class _Column:
    type: str | None
    born: str
    filled: bool = False
    read: bool = False


@dataclass(slots=True)
class _Table:
    """A table, whatever it is called at the moment."""

    born: str = ""
    """Path of the file that makes it; empty for one that no file makes."""
    temporary: bool = False
    guarded: bool = False
    """Made IF NOT EXISTS, and no file says that it was not there before."""
    read: bool = False
    """Its rows were copied by a judged file."""
    columns: dict[str, _Column] = field(default_factory=dict)

    def column(self, name: str) -> _Column:
        return self.columns.setdefault(name, _Column(None, self.born))


class _History:
    def __init__(self) -> None:
        self._tables: dict[QualifiedName, _Table] = {}

    def _table(self, name: QualifiedName) -> _Table:
        return self._tables.setdefault(name, _Table())

    # -- what was there before ---------------------------------------------------------------------------------------------
    def learn(self, migration: Migration, action: Action) -> None:
        match action:
            case TableMade(name=name):
                if not (action.guarded and name in self._tables):
                    columns = {c.name: _Column(c.type, migration.path, c.filled) for c in action.columns}
                    self._tables[name] = _Table(migration.path, action.temporary, action.guarded, columns=columns)
            case TableRenamed(old=old, new=new):
                self._tables[new] = self._tables.pop(old, _Table())
            case Dropped(kind="table", table=QualifiedName() as name):
                self._tables.pop(name, None)
            case ColumnAdded(table=name, column=column):
                table = self._table(name)
                if not (action.guarded and column.name in table.columns):
                    table.columns[column.name] = _Column(column.type, migration.path, column.filled)
            case ColumnDropped(table=name, column=gone):
                self._table(name).columns.pop(gone, None)
            case ColumnRenamed(table=name, old=before, new=after):
                table = self._table(name)
                table.columns[after] = table.columns.pop(before, _Column(None, table.born))
            case TypeChanged(table=name, column=changed, type=type_name):
                self._table(name).column(changed).type = type_name
            case RowsRemovedOrChanged(command="UPDATE", table=name, columns=columns_set):
                for filled in columns_set:
                    self._table(name).column(filled).filled = True
            case DataCopied(sources=sources, columns=columns_read) if migration.judged:
                for source in sources:
                    table = self._table(source)
                    table.read = True
                    for read in table.columns if "*" in columns_read else columns_read:
                        table.column(read).read = True

    # -- what is taken away --------------------------------------------------------------------------------------------------
    def judge(self, migration: Migration, action: Action, made_again: set[tuple[str, str]]) -> Iterator[BreakingChange]:
        def change(about: object, what: str, **more: bool | str) -> BreakingChange:
            return BreakingChange(migration, action, str(about), what, **more)  # type: ignore[arg-type]  # the fields that the kinds share

        match action:
            case Dropped(kind="table", table=QualifiedName() as name):
                table = self._table(name)
                if not self._surely_new_here(table, migration):
                    yield change(f"drop table {_shown(name)}", f"drops the table {_shown(name)}", destructive=True, data_moved=table.read)
            case Dropped(kind="schema", name=schema):
                inside = [t for n, t in self._tables.items() if n.schema == schema]
                moved = bool(inside) and all(t.read for t in inside)
                yield change(f"drop schema {schema}", f"drops the schema {schema} and what is in it", destructive=True, data_moved=moved)
            case Dropped(kind="owned", name=role):
                yield change(f"drop owned by {role}", f"drops whatever {role} owns", destructive=True)
            case Dropped(kind=noun, name=label, cascade=True) if noun in ("type", "domain", "extension", "sequence"):
                yield change(f"drop {noun} {label}", f"drops the {noun} {label} and every column that uses it", destructive=True)
            case Dropped(kind=noun, name=label) if noun in _INTERFACES and (noun, _bare(label)) not in made_again:
                yield change(f"drop {noun} {label}", f"drops the {noun} {label}")
            case Truncated(tables=tables):
                for name in tables:
                    table = self._table(name)
                    if not self._surely_new_here(table, migration):
                        what = f"removes all rows of {_shown(name)}"
                        yield change(f"truncate {_shown(name)}", what, destructive=True, data_moved=table.read)
            case _:
                yield from self._of_columns(migration, action)

    def _of_columns(self, migration: Migration, action: Action) -> Iterator[BreakingChange]:
        match action:
            case ColumnDropped(table=name, column=column):
                known = self._table(name).column(column)
                if not self._born_here(name, column, migration):
                    about = f"{_shown(name)}.{column}"
                    yield BreakingChange(migration, action, f"drop column {about}", f"drops the column {about}", True, known.read)
            case TypeChanged(table=name, column=column, type=new):
                if not self._born_here(name, column, migration):
                    yield self._of_type(migration, action, name, column, new, action.computed)
            case TableRenamed(old=old, new=renamed):
                if not self._new_here(self._table(old), migration):
                    yield BreakingChange(migration, action, f"rename {_shown(old)}", f"renames {_shown(old)} to {_shown(renamed)}")
            case InterfaceRenamed(kind=noun, old=label, new=after):
                yield BreakingChange(migration, action, f"rename {noun} {label}", f"renames the {noun} {label} to {after}")
            case ColumnRenamed(table=name, old=before, new=after):
                if not self._born_here(name, before, migration):
                    about = f"{_shown(name)}.{before}"
                    yield BreakingChange(migration, action, f"rename {about}", f"renames the column {about} to {after}")
            case ColumnAdded(table=name, column=made) if made.not_null and not made.filled:
                if not self._new_here(self._table(name), migration) and not (action.guarded and made.name in self._table(name).columns):
                    about = f"{_shown(name)}.{made.name}"
                    yield BreakingChange(migration, action, f"add {about}", f"adds {about} as NOT NULL without a default", unfilled=True)
            case NotNullSet(table=name, column=column):
                if not self._new_here(self._table(name), migration):
                    unfilled = not self._table(name).column(column).filled
                    about = f"{_shown(name)}.{column}"
                    yield BreakingChange(migration, action, f"set not null {about}", f"sets {about} NOT NULL", unfilled=unfilled)

    def _of_type(self, migration: Migration, action: Action, name: QualifiedName, column: str, new: str, computed: bool) -> BreakingChange:
        known = self._table(name).column(column)
        about = f"{_shown(name)}.{column}"
        before = f" from {known.type}" if known.type else ""
        change = f"changes the type of {about}{before} to {new}"
        if computed and not known.read:
            why = f"{change} by an expression of its own; it cannot be told whether values are lost"
            return BreakingChange(migration, action, f"type of {about}", change, undecided=why)
        if widens(known.type, new):
            return BreakingChange(migration, action, f"type of {about}", change)
        if known.type is None and not known.read:
            why = f"{change}; no file says what type it has, so it cannot be told whether values are lost"
            return BreakingChange(migration, action, f"type of {about}", change, undecided=why)
        return BreakingChange(migration, action, f"type of {about}", change, destructive=True, data_moved=known.read)

    def _new_here(self, table: _Table, migration: Migration) -> bool:
        return table.temporary or table.born == migration.path

    def _surely_new_here(self, table: _Table, migration: Migration) -> bool:
        return self._new_here(table, migration) and not table.guarded

    def _born_here(self, name: QualifiedName, column: str, migration: Migration) -> bool:
        table = self._table(name)
        return self._new_here(table, migration) or table.column(column).born == migration.path


def _shown(name: QualifiedName) -> str:
    return str(name) if name.known else "that dynamic SQL names" if name.name == ANY_NAME else str(name)


def widens(old: str | None, new: str) -> bool:
    """Every value of the old type is one of the new. `text` holds whatever has a text."""
    if new in ("text", old):
        return True
    if old is None:
        return False
    (old_base, old_size), (new_base, new_size) = _sized(old), _sized(new)
    if old_base != new_base:
        return new_base in _WIDER.get(old_base, ()) and not new_size
    return not new_size or (bool(old_size) and len(old_size) == len(new_size) and _holds(old_size, new_size))


def _holds(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """`numeric(p, s)` needs as many digits before the point as well as behind it."""
    if len(old) == 2:
        return new[1] >= old[1] and new[0] - new[1] >= old[0] - old[1]
    return all(n >= o for o, n in zip(old, new, strict=True))


def _sized(type_name: str) -> tuple[str, tuple[int, ...]]:
    match = _SIZED.match(type_name)
    return (match["base"], tuple(int(part) for part in match["size"].split(","))) if match else (type_name, ())
