"""From rows of `sql/catalog/` to records of the model: names checked once per result, values converted by field type.

No SQL and no connection here. A query's columns are named after the fields of its record; what may differ is the shape of
a value (an array becomes a tuple, an ACL becomes privileges, column numbers become names) and what `_PREPARATIONS` says.
A database of 10,000 tables brings 250,000 rows, so everything here works on whole columns of a chunk of rows, and a value
that was converted once is looked up the next time: catalogues repeat themselves. That also lets equal texts be one object.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_type_hints

from platformkit_pipeline.introspection.postgres.streams import VanishedObject
from platformkit_pipeline.model.catalog_kind import CatalogKind
from platformkit_pipeline.model.snapshot import (
    PUBLIC,
    Column,
    Constraint,
    ConstraintType,
    CronJob,
    DatabaseSettings,
    DefaultPrivilege,
    EventTrigger,
    Extension,
    ForeignServer,
    Function,
    Index,
    Policy,
    Privilege,
    Publication,
    Relation,
    RelationKind,
    RelationStatistics,
    Role,
    RoleMembership,
    Schema,
    StorageBucket,
    Trigger,
    Type,
    UserMapping,
    ViewDependency,
)
from platformkit_pipeline.model.snapshot_inventory import order_of
from platformkit_pipeline.sqltext.secrets import mask_secrets, mask_setting

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Row = tuple[Any, ...]
Table = dict[str, Sequence[Any]]
"""Rows turned on their side: the values of each column of a query."""

RECORDS: dict[CatalogKind, type[Any]] = {
    CatalogKind.COLUMNS: Column,
    CatalogKind.RELATIONS: Relation,
    CatalogKind.CONSTRAINTS: Constraint,
    CatalogKind.INDEXES: Index,
    CatalogKind.POLICIES: Policy,
    CatalogKind.FUNCTIONS: Function,
    CatalogKind.TRIGGERS: Trigger,
    CatalogKind.TYPES: Type,
    CatalogKind.VIEW_DEPENDENCIES: ViewDependency,
    CatalogKind.SCHEMAS: Schema,
    CatalogKind.ROLES: Role,
    CatalogKind.ROLE_MEMBERSHIPS: RoleMembership,
    CatalogKind.EXTENSIONS: Extension,
    CatalogKind.DEFAULT_PRIVILEGES: DefaultPrivilege,
    CatalogKind.EVENT_TRIGGERS: EventTrigger,
    CatalogKind.PUBLICATIONS: Publication,
    CatalogKind.STORAGE_BUCKETS: StorageBucket,
    CatalogKind.FOREIGN_SERVERS: ForeignServer,
    CatalogKind.CRON_JOBS: CronJob,
    CatalogKind.DATABASE_SETTINGS: DatabaseSettings,
}
"""Record of each catalogue kind but `server`, which is no list. Columns come first: constraints and indexes name theirs."""


class _Memo(dict[K, V], Generic[K, V]):
    """`memo[value]` is `convert(value)`, worked out once."""

    def __init__(self, convert: Callable[[K], V]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, value: K) -> V:
        converted = self[value] = self._convert(value)
        return converted


class Reader:
    """The records of one observation. `add` takes rows in any order and portions, kinds in the order of `RECORDS`."""

    def __init__(self) -> None:
        self._kind: CatalogKind | None = None
        self._made: list[Any] = []
        self._fields: dict[str, tuple[Any, ...]] = {}
        self._sizes: dict[tuple[str, str], tuple[int | None, int | None]] = {}
        self._index_bytes: dict[tuple[str, str], int] = {}
        self._statistics: tuple[RelationStatistics, ...] | None = None
        self._names: dict[Any, Any] = {}
        self._memos: dict[Any, _Memo[Any, Any]] = {}
        self._numbers: _Memo[str, tuple[int, ...]] = _Memo(_numbers)
        self._quoted: dict[str, str] = {}
        self._columns_of: dict[tuple[str, str], list[Column]] = {}
        self._names_of: dict[tuple[str, str], dict[int, str]] = {}

    def add(self, kind: CatalogKind, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Make records of some rows.

        Raises TypeError when query and record do not fit, VanishedObject when a field that is never null came null.
        """
        if kind is not self._kind:
            self._complete()
            self._kind = kind
        made = self._made
        if rows:
            made += self._records(RECORDS[kind], dict(zip(columns, zip(*rows, strict=True), strict=True)))

    def complete(self) -> tuple[Any, ...]:
        """The records of the kind that was added last, sorted. No more of them can be added."""
        kind = self._kind
        self._complete()
        return self._fields[kind.value] if kind is not None else ()

    def finish(self) -> dict[str, tuple[Any, ...]]:
        """Fields of a `Snapshot`, sorted. Nothing can be added any more."""
        self._complete()
        return {**self._fields, "relation_statistics": self.statistics()}

    def statistics(self) -> tuple[RelationStatistics, ...]:
        """Sizes of relations with those of their indexes; unknown where the indexes were not read. Asked when both have been read."""
        if self._statistics is None:
            self._statistics = self._put_together()
        return self._statistics

    def _put_together(self) -> tuple[RelationStatistics, ...]:
        indexed, of_indexes = CatalogKind.INDEXES.value in self._fields, self._index_bytes
        return tuple(
            RelationStatistics(*place, rows, size + of_indexes.get(place, 0) if size is not None and indexed else None)
            for place, (rows, size) in sorted(self._sizes.items())
        )

    def _complete(self) -> None:
        """Sort the kind that was read last; the server works on the next one meanwhile."""
        kind, made = self._kind, self._made
        if kind is CatalogKind.COLUMNS:
            self._fields[kind.value] = self._sorted_columns()
        elif kind is not None:
            made.sort(key=order_of(RECORDS[kind]))
            self._fields[kind.value] = tuple(made)
        self._kind, self._made = None, []

    def _records(self, record: type[Any], table: Table) -> list[Any]:
        plan = _PLANS[record]
        returned = tuple(table)
        prepare = _PREPARATIONS.get(record)
        try:
            if prepare is not None:
                prepare(self, table)
        except KeyError:
            table = {}
        if table.keys() != plan.wanted:
            raise TypeError(f"the query for {record.__name__} returns {list(returned)}, the record has {list(plan.names)}")
        for field in _EXPRESSIONS & plan.wanted:
            if "" in table[field]:
                raise VanishedObject(f"{record.__name__}.{field}")
        for field in plan.required:
            if None in table[field] or (field == "definition" and "" in table[field]):
                raise VanishedObject(f"{record.__name__}.{field}")
        columns = [self._converted(convert, table[name]) for name, convert in plan.fields]
        made = list(map(plan.build, *columns))
        for each in made:
            each.__class__ = record
        if record is Column:
            self._remember(made)
        return made

    def _converted(self, convert: Callable[[Any], Any] | None, values: Sequence[Any]) -> Iterable[Any]:
        if convert is None:
            return values
        if convert is _share:
            return map(self._names.setdefault, values, values)
        if list in set(map(type, values)):  # came as JSON, which only kinds with few rows do
            return map(convert, values)
        return map(self._memo(convert).__getitem__, values)

    def _memo(self, convert: Callable[[Any], Any]) -> _Memo[Any, Any]:
        memo = self._memos.get(convert)
        if memo is None:
            memo = self._memos[convert] = _Memo(convert)
        return memo

    # -- columns, and what is named by their numbers

    def _remember(self, columns: list[Column]) -> None:
        groups = self._columns_of
        for column in columns:
            place = (column.schema, column.relation)
            group = groups.get(place)
            if group is None:
                groups[place] = [column]
            else:
                group.append(column)

    def _sorted_columns(self) -> tuple[Column, ...]:
        """By relation and then by position: far fewer comparisons than in sorting all columns."""
        columns: list[Column] = []
        for _, group in sorted(self._columns_of.items()):
            group.sort(key=_position)
            columns += group
        return tuple(columns)

    def named(self, schemas: Sequence[str], relations: Sequence[str], numbers: Sequence[str | None]) -> list[tuple[str | None, ...]]:
        """Names of columns, given their relation and the array of their numbers; None for an expression."""
        known, shared, numbers_of = self._names_of, self._names.setdefault, self._numbers
        named: list[tuple[str | None, ...]] = []
        for schema, relation, text in zip(schemas, relations, numbers, strict=True):
            if text is None:
                named.append(())
                continue
            names = known.get((schema, relation))
            if names is None:
                names = known[schema, relation] = {c.position: c.name for c in self._columns_of.get((schema, relation), ())}
            columns = tuple([names.get(number) or _SYSTEM_COLUMNS.get(number) for number in numbers_of[text]])
            named.append(shared(columns, columns))
        return named

    def listed(self, columns: tuple[str | None, ...]) -> str:
        """Column names as they stand in a definition."""
        return ", ".join(self._quoted.get(name, name) for name in columns if name is not None)

    def ordered(self, keys: tuple[tuple[str | None, ...], str]) -> str:
        """Keys of an index as the server lists them, with the order of each where it is not the usual one."""
        names, options = keys
        return ", ".join(f"{self.listed((name,))}{_ORDERS[option]}" for name, option in zip(names, options.split(), strict=False))

    def prepare_columns(self, table: Table) -> None:
        quoted = table.pop("quoted")
        if any(quoted):
            self._quoted.update((name, text) for name, text in zip(table["name"], quoted, strict=True) if text is not None)

    def prepare_relations(self, table: Table) -> None:
        rows, sizes = table.pop("estimated_rows"), table.pop("own_bytes")
        share: Callable[[str, str], str] = self._names.setdefault
        places = zip(map(share, table["schema"], table["schema"]), map(share, table["name"], table["name"]), strict=True)
        for place, kind, estimate, size in zip(places, table["kind"], rows, sizes, strict=True):
            if kind in _STORED:
                self._sizes[place] = (estimate, size)
        if "" in table["definition"]:
            raise VanishedObject("Relation.definition")
        masked: _Memo[str | None, str | None] = self._memo(_masked)

        def defined(text: str | None, kind: str, owner: tuple[str | None, ...], quoted: str | None) -> str | None:
            if kind in _VIEWS:
                return masked[text]
            return f"{text} owned by {quoted}.{self.listed(owner)}" if any(owner) else text

        owners = self.named(table.pop("owner_schema"), table.pop("owner_relation"), table.pop("owner_number"))
        table["definition"] = list(map(defined, table["definition"], table["kind"], owners, table.pop("owner_quoted")))

    def prepare_constraints(self, table: Table) -> None:
        referenced = table.pop("referenced")
        table["columns"] = self.named(table["schema"], table["relation"], table["columns"])
        table["referenced_columns"] = self.named(table["referenced_schema"], table["referenced_relation"], table["referenced_columns"])
        listed, masked = self._memo(self.listed).__getitem__, self._memo(_masked_print)
        table["definition"] = [
            masked[text] if text is not None else _key_definition(type_, listed(columns), target, listed(foreign), on_update, on_delete)
            for text, type_, columns, target, foreign, on_update, on_delete in zip(
                table["definition"],
                table["type"],
                table["columns"],
                referenced,
                table["referenced_columns"],
                table["on_update"],
                table["on_delete"],
                strict=True,
            )
        ]

    def prepare_indexes(self, table: Table) -> None:
        sums = self._index_bytes
        for place, size in zip(zip(table["schema"], table["relation"], strict=True), table.pop("bytes"), strict=True):
            if size:
                sums[place] = sums.get(place, 0) + size
        masked = self._memo(_masked_print)
        table["predicate"] = predicates = list(map(masked.__getitem__, table["predicate"]))
        heads, counts, options = table.pop("head"), table.pop("key_count"), table.pop("options")
        columns = self.named(table["schema"], table["relation"], table.pop("columns"))
        keys = [names[:count] for names, count in zip(columns, counts, strict=True)]
        included = [names[count:] for names, count in zip(columns, counts, strict=True)]
        distinct = table["nulls_not_distinct"]
        listed, ordered = self._memo(self.listed).__getitem__, self._memo(self.ordered).__getitem__
        table["definition"] = [
            masked[text] if text is not None else _index_definition(head, ordered((key, option)), listed(also), together, predicate)
            for text, head, key, option, also, together, predicate in zip(
                table["definition"], heads, keys, options, included, distinct, predicates, strict=True
            )
        ]
        share = self._names.setdefault
        table["key_columns"] = list(map(share, keys, keys))
        table["included_columns"] = list(map(share, included, included))

    def prepare_cron_jobs(self, table: Table) -> None:
        """A job without a name gets one that is the same wherever the same job is scheduled, and not another's."""
        taken: set[tuple[str, str]] = set()
        names: list[str] = []
        for name, schedule, command, user in zip(table["name"], table["schedule"], table["command"], table["username"], strict=True):
            digest = hashlib.sha256(f"{schedule}\0{mask_secrets(command)}".encode()).hexdigest()[:12]
            chosen = base = name or f"unnamed {digest}"
            count = 1
            while (user, chosen) in taken:
                count += 1
                chosen = f"{base} ({count})"
            taken.add((user, chosen))
            names.append(chosen)
        table["name"] = names


def records(record: type[Any], columns: Sequence[str], rows: Sequence[Row]) -> tuple[Any, ...]:
    """Rows of one query as `record`s, in their order. Raises as `Reader.add` does."""
    return tuple(Reader()._records(record, dict(zip(columns, zip(*rows, strict=True), strict=True))))


_PREPARATIONS: dict[type[Any], Callable[[Reader, Table], None]] = {
    Column: Reader.prepare_columns,
    Relation: Reader.prepare_relations,
    Constraint: Reader.prepare_constraints,
    Index: Reader.prepare_indexes,
    CronJob: Reader.prepare_cron_jobs,
}
"""Where a query returns other columns than the fields of its record."""

_EXPRESSIONS = frozenset({"using", "with_check", "default", "predicate", "partition_bound"})
"""Fields that are null where there is none, and empty where the server could not print one any more."""

_VIEWS = frozenset({RelationKind.VIEW.value, RelationKind.MATERIALIZED_VIEW.value})
_STORED = frozenset({k.value for k in RelationKind} - {RelationKind.VIEW.value, RelationKind.SEQUENCE.value})
_PRIMARY_KEY, _UNIQUE = ConstraintType.PRIMARY_KEY.value, ConstraintType.UNIQUE.value
_ORDERS = {"0": "", "1": " DESC NULLS LAST", "2": " NULLS FIRST", "3": " DESC"}
_SYSTEM_COLUMNS = {-1: "ctid", -2: "xmin", -3: "cmin", -4: "xmax", -5: "cmax", -6: "tableoid"}


def _position(column: Column) -> int:
    return column.position


def _numbers(text: str) -> tuple[int, ...]:
    """`{1,2}` of an array or `1 2` of a vector."""
    return tuple(int(n) for n in text.strip("{}").replace(",", " ").split())


def _key_definition(type_: str, columns: str, referenced: str | None, foreign: str, on_update: str | None, on_delete: str | None) -> str:
    """What pg_get_constraintdef says of a plain key."""
    if type_ == _PRIMARY_KEY:
        return f"PRIMARY KEY ({columns})"
    if type_ == _UNIQUE:
        return f"UNIQUE ({columns})"
    update = "" if on_update == "NO ACTION" else f" ON UPDATE {on_update}"
    delete = "" if on_delete == "NO ACTION" else f" ON DELETE {on_delete}"
    return f"FOREIGN KEY ({columns}) REFERENCES {referenced}({foreign}){update}{delete}"


def _index_definition(head: str, keys: str, included: str, nulls_not_distinct: bool, predicate: str | None) -> str:
    """What pg_get_indexdef says of an ordinary index."""
    also = f" INCLUDE ({included})" if included else ""
    nulls = " NULLS NOT DISTINCT" if nulls_not_distinct else ""
    where = f" WHERE {predicate}" if predicate is not None else ""
    return f"{head} ({keys}){also}{nulls}{where}"


# -- conversions -----------------------------------------------------------------------------------------------------
def _share(value: Any) -> Any:
    """Stands for: the first object of this value that the observation met."""
    return value


_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _items(value: Any) -> tuple[str, ...]:
    """Items of an array, as PostgreSQL prints it or as JSON brought it; none of them is null."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(_ESCAPED.sub(r"\1", m[1]) if m[2] is None else m[2] for m in _ITEM.finditer(value))
    return tuple(value)


def _sorted_items(value: Any) -> tuple[str, ...]:
    return tuple(sorted(_items(value)))


_GRANT = re.compile(r'(?:"((?:[^"]|"")*)"|([^=]*))=([^/]*)/', re.DOTALL)
_PRIVILEGES = {
    "a": "INSERT",
    "r": "SELECT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
    "c": "CONNECT",
    "T": "TEMPORARY",
    "s": "SET",
    "A": "ALTER SYSTEM",
}
"""Letters of an ACL; MAINTAIN (`m`, from 17 on) is left out."""


def _privileges(acl: str | None) -> tuple[Privilege, ...]:
    """Sorted privileges of one ACL (`{owner=arwd/owner,=r*/owner}`); two grantors may have given the same privilege."""
    options: dict[tuple[str, str], bool] = {}
    for item in _items(acl):
        grant = _GRANT.match(item)
        if grant is None:
            raise TypeError(f"an access control list holds {item!r}")
        grantee = (grant[2] if grant[1] is None else grant[1].replace('""', '"')) or PUBLIC
        letters = grant[3]
        for place, letter in enumerate(letters):
            if letter in _PRIVILEGES:
                key = (grantee, _PRIVILEGES[letter])
                options[key] = options.get(key, False) or letters[place + 1 : place + 2] == "*"
    return tuple(sorted(Privilege(grantee, privilege, grantable) for (grantee, privilege), grantable in options.items()))


def _roles(value: str) -> tuple[str, ...]:
    """Roles of a policy, printed as regrole[]: `-` for every role, odd names in quotes."""
    names = (PUBLIC if item == "-" else item[1:-1].replace('""', '"') if item.startswith('"') else item for item in _items(value))
    return tuple(sorted(names))


def _rule_texts(value: Any) -> tuple[str, ...]:
    """JSON array of texts; nothing is written where there is no rule, as nearly everywhere."""
    return () if value is None else tuple(map(mask_secrets, json.loads(value) if isinstance(value, str) else value))


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    loaded = json.loads(value) if isinstance(value, str) else value
    return () if loaded is None else tuple((first, second) for first, second in loaded)


def _settings(value: Any) -> tuple[tuple[str, str], ...]:
    """Pairs, or items of the form `name=value`; values that are secrets are masked."""
    if isinstance(value, str) and value.startswith("{"):
        pairs = sorted((name, text) for name, _, text in (item.partition("=") for item in _items(value)))
    else:
        pairs = list(_pairs(value))
    return tuple((name, mask_setting(name, text)) for name, text in pairs)


def _user_mappings(value: Any) -> tuple[UserMapping, ...]:
    return tuple(UserMapping(user, _settings(options), visible) for user, options, visible in value or ())


def _masked(text: str | None) -> str | None:
    return None if text is None else mask_secrets(text)


def _masked_print(text: str | None) -> str | None:
    """Of an expression as the server prints it: a literal stands in quotes there, always."""
    return text if text is None or "'" not in text else mask_secrets(text)


def _masked_prose(text: str | None) -> str | None:
    return None if text is None else mask_secrets(text, prose=True)


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    str: _share,
    str | None: _share,
    tuple[Privilege, ...]: _privileges,
    tuple[tuple[str, str], ...]: _pairs,
    tuple[str, ...]: _items,
    tuple[UserMapping, ...]: _user_mappings,
    RelationKind: RelationKind,
    ConstraintType: ConstraintType,
}
"""By type of the field; everything else comes as it is."""

_PRINTED: dict[type[Any], tuple[str, ...]] = {Column: ("default",), Policy: ("using", "with_check"), Trigger: ("definition",)}
"""Texts that the server prints from what it parsed."""

_MASKED: dict[type[Any], tuple[str, ...]] = {
    Function: ("body", "sql_body", "definition"),
    Type: ("definition",),
    CronJob: ("command",),
}
"""Texts that people wrote and in which secrets are found; comments are added for every record. The preparations do it for
views, constraints and indexes, where most definitions need no look."""

_OF_FIELDS: dict[tuple[type[Any], str], Callable[[Any], Any] | None] = {
    (Relation, "options"): _sorted_items,
    (Relation, "rules"): _rule_texts,
    (Policy, "roles"): _roles,
    (Function, "settings"): _settings,
    (Role, "settings"): _settings,
    (DatabaseSettings, "settings"): _settings,
    (ForeignServer, "options"): _settings,
    (Relation, "definition"): None,
    (Constraint, "definition"): _share,
    (Constraint, "columns"): None,
    (Constraint, "referenced_columns"): None,
    (Index, "definition"): None,
    (Index, "predicate"): None,
    (Index, "key_columns"): None,
    (Index, "included_columns"): None,
    **{(record, field): _masked for record, fields in _MASKED.items() for field in fields},
    **{(record, field): _masked_print for record, fields in _PRINTED.items() for field in fields},
    **{(record, "comment"): _masked_prose for record in RECORDS.values()},
}
"""Where the type of a field does not say what has to be done; None for what a preparation did already."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How columns of values become one type of record."""

    names: tuple[str, ...]
    wanted: frozenset[str]
    fields: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    required: tuple[str, ...]
    """Texts of deparse functions that are never absent."""
    build: Callable[..., Any]
    """Makes an object of the same layout. A frozen dataclass sets each field through `object.__setattr__`, which for a
    quarter of a million records takes longer than all the rest of their making; its class is set afterwards."""


def _plan(record: type[Any]) -> _Plan:
    hints = get_type_hints(record)
    names = tuple(field.name for field in dataclasses.fields(record))
    fields = tuple((name, _OF_FIELDS.get((record, name), _CONVERTERS.get(hints[name]))) for name in names)
    required = tuple(name for name in names if name in ("definition", "arguments") and hints[name] is str)
    return _Plan(names, frozenset(names), fields, required, dataclasses.make_dataclass(record.__name__, names, slots=True, eq=False))


_PLANS = {record: _plan(record) for record in RECORDS.values()}
