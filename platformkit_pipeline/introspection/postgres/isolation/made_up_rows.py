"""Rows of a table, made up: as JSON objects by column, of two tenants and of none, that its CHECK constraints would let in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.doors import Door
from platformkit_pipeline.introspection.postgres.isolation.made_up_values import MadeUpValues, alternatives, tempting_values
from platformkit_pipeline.introspection.postgres.isolation.session import Caller, Refusal, Reply, Session, name_of
from platformkit_pipeline.model.snapshot import Column, ConstraintType
from platformkit_pipeline.rules.database.catalog import AUTH_USERS, Catalog

Row = dict[str, object]

_USERS = frozenset({"user_id", "userId", "profile_id", "member_id", "owner_id", "owner", "created_by", "updated_by", "author_id"})
_CHECK = re.compile(r"CHECK \((?P<condition>.*)\)(?: NO INHERIT)?(?: NOT VALID)?(?: NOT ENFORCED)?", re.DOTALL)
_EQUALITY = re.compile(r"(?<![\w.\"])(?P<column>\w+|\"[^\"]+\")\)?(?:::[\w ]+)? = '(?P<value>(?:[^']|'')*)'::")
_MOST_ALTERNATIVES = 40
_MOST_TEMPTING = 12
"""Rows beside the others that have what the policies speak of."""


class Whose(StrEnum):
    OWN = "own"
    OTHER = "other"
    NOBODY = "nobody"
    CROSSED = "crossed"
    """A row that says it is the other tenant's, with all that hangs on the caller: what a caller can only write."""


@dataclass(frozen=True, slots=True)
class MadeUpRow:
    whose: Whose
    values: Row


@dataclass(slots=True)
class MadeUpRows:
    session: Session
    catalog: Catalog
    values: MadeUpValues

    def of(self, door: Door, caller: Caller, policies: str, templates: Mapping[Whose, Row]) -> list[MadeUpRow]:
        """Several rows of each kind that the table could hold. `policies` is the text of what will be asked about them: columns get
        the values that it compares them with. `templates` are rows of the two tenants that the table holds already."""
        columns = [c for c in self.catalog.columns_of(door.table) if not c.generated]
        kept = self._legal(door, [self.in_name_of(door, caller, Whose.OWN, shape) for shape in self._shapes(columns, policies)])
        kinds = [Whose.OWN, Whose.OTHER] + [Whose.NOBODY] * (not door.tenant.not_null) + [Whose.CROSSED] * (not self._is_tied(door))
        made = [(whose, shape) for shape in kept for whose in kinds]
        names = {c.name for c in columns}
        for whose, template in templates.items():
            shape = {name: value for name, value in template.items() if name in names}
            made += [(kind, shape) for kind in kinds if kind is whose or (kind is Whose.CROSSED and whose is Whose.OWN)]
        return self._with_generated(door, [MadeUpRow(whose, self.in_name_of(door, caller, whose, shape)) for whose, shape in made])

    def _is_tied(self, door: Door) -> bool:
        """A foreign key holds the tenant together with something else: no row can belong to one tenant by half."""
        return any(door.tenant.name in key.columns and len(key.columns) > 1 for key in self.catalog.foreign_keys_of(door.table))

    def one(self, door: Door, caller: Caller, whose: Whose, policies: str = "") -> Row:
        """One row with fresh values in every column that must have one, to be inserted."""
        columns = [c for c in self.catalog.columns_of(door.table) if not c.generated]
        shapes = [{**self._full(columns), **self._compared(columns, policies)}, self._sparse(columns)]
        kept = self._legal(door, [self.in_name_of(door, caller, whose, shape) for shape in shapes])
        return kept[0]

    def fresh(self, door: Door, row: Row) -> Row:
        """The row with other values in what must be unique; what decides on its partition stays."""
        unique = {n for i in self.catalog.indexes_of(door.table) if i.unique or "EXCLUDE" in i.definition for n in i.key_columns}
        for constraint in self.catalog.constraints_of(door.table):
            unique |= set(constraint.columns) if constraint.type is ConstraintType.EXCLUSION else set()
        columns = [c for c in self.catalog.columns_of(door.table) if c.name in unique and c.name in row and c != door.tenant]
        key = door.table.partition_key or ""
        columns = [c for c in columns if not re.search(rf"\b{re.escape(c.name)}\b", key)]
        return {**row, **{c.name: v for c in columns if c.name not in _USERS and (v := self.values.of(c.type)) is not None}}

    def in_name_of(self, door: Door, caller: Caller, whose: Whose, shape: Row) -> Row:
        """The shape as a row of that tenant and of a user of theirs."""
        tenant = {Whose.OWN: caller.own, Whose.NOBODY: None}.get(whose, caller.other)
        user = caller.user if whose in (Whose.OWN, Whose.CROSSED) else caller.other_user
        users = {name: user for name in self._user_columns(door) if name != door.tenant.name}
        return {**shape, **users, door.tenant.name: tenant}

    def _user_columns(self, door: Door) -> set[str]:
        by_name = {c.name for c in self.catalog.columns_of(door.table) if c.name in _USERS and c.type in ("uuid", "text")}
        keys = self.catalog.foreign_keys_of(door.table)
        by_key = {k.columns[0] for k in keys if (k.referenced_schema, k.referenced_relation) == AUTH_USERS and len(k.columns) == 1}
        return by_name | by_key

    # -- shapes -----------------------------------------------------------------------------------------------------------
    def _shapes(self, columns: Sequence[Column], policies: str) -> Iterator[Row]:
        full, sparse, compared = self._full(columns), self._sparse(columns), self._compared(columns, policies)
        yield sparse
        booleans = [c.name for c in columns if c.type == "boolean" and re.search(rf"\b{re.escape(c.name)}\b", policies)]
        denied = {
            n for n in booleans if re.search(rf"NOT \(?\"?{re.escape(n)}\b|\b{re.escape(n)}\"? (IS|=) (FALSE|false|NOT TRUE)", policies)
        }
        yield {**sparse, **compared, **{n: n not in denied for n in booleans}}
        if full != sparse:
            yield full
            yield {**full, **compared, **{n: n not in denied for n in booleans}}
        if booleans:
            yield {**full, **compared, **dict.fromkeys(booleans, True)}
            yield {**full, **compared, **dict.fromkeys(booleans, False)}
        tempting = {c.name: v for c in columns if (v := tempting_values(c.type, policies, c.name, self.values.labels_of(c.type)))}
        for turn in range(min(_MOST_TEMPTING, max(map(len, tempting.values()), default=0))):
            yield {**full, **compared, **{name: values[turn % len(values)] for name, values in tempting.items()}}

    def _full(self, columns: Sequence[Column]) -> Row:
        return {c.name: v for c in columns if (v := self.values.of(c.type)) is not None}

    def _sparse(self, columns: Sequence[Column]) -> Row:
        return {c.name: v for c in columns if (c.not_null or self._is_domain(c)) and (v := self.values.of(c.type)) is not None}

    def _is_domain(self, column: Column) -> bool:
        own = self.values.types.get(column.type)
        return own is not None and own.kind == "domain"

    def _compared(self, columns: Sequence[Column], policies: str) -> Row:
        """Columns that the policies compare with a literal get that."""
        by_name = {c.name: c for c in columns}
        found = {m["column"].strip('"'): m["value"].replace("''", "'") for m in _EQUALITY.finditer(policies)}
        return {name: value for name, value in found.items() if name in by_name}

    # -- what the table would let in ----------------------------------------------------------------------------------------
    def _legal(self, door: Door, rows: list[Row]) -> list[Row]:
        """Those that keep every CHECK, mended where a value that the check names helps; all of them where that cannot be told."""
        checks = list(self._checks(door))
        if not checks:
            return rows
        kept = self._keeping(door, rows, [condition for _, condition in checks])
        if kept is None:
            return rows
        if all(kept):
            return rows
        mended = [row if keeps else self._mended(door, row, checks) for row, keeps in zip(rows, kept, strict=True)]
        return [row for row in mended if row is not None] or rows[:1]

    def _mended(self, door: Door, row: Row, checks: Sequence[tuple[tuple[str, ...], str]]) -> Row | None:
        """Column by column, with the values that the checks mention; None when nothing helps."""
        by_name = {c.name: c for c in self.catalog.columns_of(door.table)}
        for names, condition in checks:
            kept = self._keeping(door, [row], [condition])
            if kept is None or kept[0]:
                continue
            tries = [
                {**row, name: value}
                for name in names
                if name in by_name and name != door.tenant.name
                for value in alternatives(condition, by_name[name].type)
            ][:_MOST_ALTERNATIVES]
            passing = self._keeping(door, tries, [condition]) if tries else None
            if passing is None or not any(passing):
                return None
            row = tries[passing.index(True)]
        kept = self._keeping(door, [row], [condition for _, condition in checks])
        return row if kept and kept[0] else None

    def _checks(self, door: Door) -> Iterator[tuple[tuple[str, ...], str]]:
        for constraint in self.catalog.constraints_of(door.table):
            match = _CHECK.fullmatch(constraint.definition)
            if constraint.type is ConstraintType.CHECK and match is not None:
                yield constraint.columns, match["condition"]

    def _keeping(self, door: Door, rows: Sequence[Row], conditions: Iterable[str]) -> list[bool] | None:
        """Which of the rows keep all conditions; None where the server could not say."""
        told = sql.SQL(" and ").join(sql.SQL("coalesce(({}), true)").format(_raw(condition)) for condition in conditions)
        reply = self._asked(door, rows, told)
        return None if isinstance(reply, Refusal) else [bool(row[0]) for row in reply.rows]

    def _with_generated(self, door: Door, made: list[MadeUpRow]) -> list[MadeUpRow]:
        """With what the server computes of the other columns. Columns that cannot be computed stay null."""
        generated = [c for c in self.catalog.columns_of(door.table) if c.generated and c.default]
        if not generated or not made:
            return made
        pairs = [part for c in generated for part in (sql.Literal(c.name), sql.SQL("({})").format(_raw(c.default or "null")))]
        told = sql.SQL("pg_catalog.jsonb_build_object({})").format(sql.SQL(", ").join(pairs))
        reply = self._asked(door, [m.values for m in made], told)
        if isinstance(reply, Refusal):
            return made
        computed = [row[0] if isinstance(row[0], dict) else {} for row in reply.rows]
        return [MadeUpRow(m.whose, {**m.values, **extra}) for m, extra in zip(made, computed, strict=True)]

    def _asked(self, door: Door, rows: Sequence[Row], told: sql.Composable) -> Reply | Refusal:
        return self.session.ask(
            sql.SQL("select {told} from {rows} order by platformkit_number").format(told=told, rows=as_relation(door, rows))
        )


def as_relation(door: Door, rows: Sequence[Row]) -> sql.Composed:
    """The rows as what stands in a FROM under the table's own name, with their places from 1 on as `platformkit_number`."""
    return sql.SQL(
        "pg_catalog.jsonb_array_elements({listed}) with ordinality as platformkit_made (platformkit_values, platformkit_number)"
        " cross join lateral pg_catalog.jsonb_populate_record(null::{table}, platformkit_values) as {alias}"
    ).format(listed=as_json(rows), table=name_of(door.table), alias=sql.Identifier(door.table.name))


def as_json(row: Row | Sequence[Row]) -> sql.Composed:
    return sql.SQL("{}::pg_catalog.jsonb").format(sql.Literal(json.dumps(row)))


def _raw(text: str) -> sql.SQL:
    """An expression that the server itself has printed."""
    return sql.SQL(text)
