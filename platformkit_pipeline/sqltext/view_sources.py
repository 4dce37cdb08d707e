"""Where the columns of a view come from: which columns of other relations it hands on, and whether its query keeps to the caller's rows.

A value is handed on by whatever leaves it readable: renaming, casts, `coalesce`, `||`, `lower`, building JSON, aggregates that list or
pick values. A comparison, a count, a digest or a part of it hands nothing on. What a function of the project does with it is not known
here, so that is said. Rows that the query ties to the caller (`owner_id = auth.uid()`, directly, by joins or by a look-up) are the
caller's own and are left out.

Made for the text of `pg_get_viewdef`: names of relations are qualified, and every target stands by itself, never `*`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.lookups import Lookup, finds_a_row_anyway, made_by, taken_apart
from platformkit_pipeline.sqltext.parser import (
    Node,
    SqlSyntaxError,
    aggregates,
    bare,
    children,
    column_path,
    constant_of,
    kind,
    operator_of,
    parse_statement,
    string_parts,
    unwrap,
)

Name = tuple[str, str]


class Source(NamedTuple):
    """Where a value comes from, and what lies between."""

    relation: Name
    """(schema, name); the schema is pg_catalog where none is printed."""
    column: str | int | None
    """Its name, its place where FROM gives the columns names of their own, or None for the whole row."""
    through: Name | None = None
    """A function that is none of the server's and was given the value; what it returns may show it or not."""
    grouped: bool = False
    """The query makes one row of many."""
    asked: bool = False
    """A condition depends on the caller, and it cannot be told whether it keeps to the caller's rows."""


Sources = frozenset[Source]

_HANDING_ON = frozenset(
    re.findall(
        r"\w+",
        """
    lower upper initcap trim btrim ltrim rtrim concat concat_ws format reverse to_char encode decode convert convert_from convert_to
    quote_literal quote_ident quote_nullable lpad rpad string_to_array string_to_table array_to_string array_append array_prepend array_cat
    unnest text varchar to_json to_jsonb row_to_json array_to_json json_build_object jsonb_build_object json_build_array
    jsonb_build_array json_object jsonb_object json_strip_nulls jsonb_strip_nulls jsonb_pretty jsonb_set jsonb_insert
    json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_each json_each_text jsonb_each jsonb_each_text
    json_array_elements json_array_elements_text jsonb_array_elements jsonb_array_elements_text json_agg jsonb_agg json_agg_strict
    jsonb_agg_strict json_object_agg jsonb_object_agg array_agg string_agg xmlagg min max any_value mode first_value last_value nth_value
    lag lead percentile_disc normalize xpath round abs
        """,
    )
)
"""Functions of the server that leave an argument readable in what they return. All others tell something about it at most."""
_LISTING = frozenset({"array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "xmlagg"})
_TELLING = frozenset(
    {"=", "<>", "!=", "<", ">", "<=", ">=", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*", "@>", "<@", "?", "?|", "?&"}
)
"""Operators that answer true or false."""
_CALLERS = frozenset({("auth", "uid"), ("auth", "jwt"), ("auth", "email")})
"""Functions of the platform that say who the caller is."""
_CLAIMS = "request.jwt.claim"
_USER_METADATA = frozenset({"user_metadata", "raw_user_meta_data"})
"""What a user may write into their own token: it names nobody."""
_STEPS = frozenset({"->", "->>", "#>", "#>>"})
_PLAIN_SUBLINKS = frozenset({pg.EXPR_SUBLINK, pg.ARRAY_SUBLINK})
_NAMES_USER = frozenset({pg.SVFOP_CURRENT_USER, pg.SVFOP_SESSION_USER, pg.SVFOP_USER, pg.SVFOP_CURRENT_ROLE})
_CALLER = "\x00caller"


@dataclass(frozen=True, slots=True)
class _Table:
    """A relation in FROM. `renamed` are the names that FROM gives to its first columns."""

    name: Name
    renamed: tuple[str, ...]

    def column(self, name: str) -> Sources:
        place: str | int = self.renamed.index(name) if name in self.renamed else name
        return frozenset({Source(self.name, place)})

    def row(self) -> Sources:
        return frozenset({Source(self.name, None)})


@dataclass(frozen=True, slots=True)
class _Derived:
    """A sub-select, CTE or function in FROM. `whole` stands for columns that have no name here."""

    columns: dict[str, Sources]
    whole: Sources = frozenset()

    def column(self, name: str) -> Sources:
        return self.columns.get(name, self.whole)

    def row(self) -> Sources:
        return self.whole.union(*self.columns.values())


@dataclass(frozen=True, slots=True)
class _Joined:
    """A join with an alias of its own: the names are those of its sides."""

    sides: tuple[_Item, ...]

    def column(self, name: str) -> Sources:
        return frozenset[Source]().union(*(side.column(name) for side in self.sides))

    def row(self) -> Sources:
        return frozenset[Source]().union(*(side.row() for side in self.sides))


_Item = _Table | _Derived | _Joined
_Columns = list[tuple[str, Sources]]
_Made = dict[str, _Columns]
"""Names that WITH clauses define → their columns."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What FROM of one SELECT names, and the SELECT around it."""

    items: dict[str, _Item]
    outer: _Scope | None
    made: _Made

    def find(self, alias: str) -> _Item | None:
        if alias in self.items:
            return self.items[alias]
        return self.outer.find(alias) if self.outer else None


@lru_cache(maxsize=1024)
def sources_of(query: str) -> tuple[Sources, ...]:
    """One entry per column of the view, in their order. Raises SqlSyntaxError."""
    try:
        return tuple(sources for _, sources in _outputs(parse_statement(query.rstrip().removesuffix(";")), None, {}))
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None


def _outputs(select: Any, outer: _Scope | None, made: _Made) -> _Columns:
    if kind(select) != "SelectStmt":
        raise SqlSyntaxError("it is no SELECT")
    made = _with(select, outer, made)
    if select.op != pg.SETOP_NONE:
        return _side_by_side([_outputs(side, outer, made) for side in (select.larg, select.rarg)])
    if len(select.values_lists):
        rows = [[("", _carried(unwrap(value), _Scope({}, outer, made))) for value in unwrap(row).items] for row in select.values_lists]
        return _side_by_side(rows)
    scope = _Scope({}, outer, made)
    for item in select.from_clause:
        _enter(unwrap(item), scope)
    return _targets(select, scope)


def _with(select: Any, outer: _Scope | None, made: _Made) -> _Made:
    made = dict(made)
    for wrapper in select.with_clause.ctes:
        cte = unwrap(wrapper)
        query, names = unwrap(cte.ctequery), string_parts(cte.aliascolnames)
        made[cte.ctename] = []
        found = _named(_outputs(query, outer, made), names)
        while select.with_clause.recursive and found != made[cte.ctename]:  # it reads itself: until nothing is added
            made[cte.ctename] = found
            found = _named(_outputs(query, outer, made), names)
        made[cte.ctename] = found
    return made


def _side_by_side(parts: list[_Columns]) -> _Columns:
    widest = max(parts, key=len, default=[])
    return [(name, frozenset[Source]().union(*(p[i][1] for p in parts if i < len(p)))) for i, (name, _) in enumerate(widest)]


def _named(columns: _Columns, names: tuple[str, ...]) -> _Columns:
    return [(names[i] if i < len(names) else name, sources) for i, (name, sources) in enumerate(columns)]


def _enter(item: Any, scope: _Scope) -> None:
    """Put what an item of FROM names into the scope."""
    match kind(item):
        case "RangeVar":
            alias, renamed = str(item.alias.aliasname or item.relname), string_parts(item.alias.colnames)
            if not item.schemaname and item.relname in scope.made:
                scope.items[alias] = _Derived(dict(_named(scope.made[item.relname], renamed)))
            else:
                scope.items[alias] = _Table((str(item.schemaname or "pg_catalog"), str(item.relname)), renamed)
        case "JoinExpr":
            before = set(scope.items)
            _enter(unwrap(item.larg), scope)
            _enter(unwrap(item.rarg), scope)
            for alias in (item.alias, item.join_using_alias):
                if alias.aliasname:
                    scope.items[alias.aliasname] = _joined(scope, before, alias)
        case "RangeSubselect":
            columns = _named(_outputs(unwrap(item.subquery), scope, scope.made), string_parts(item.alias.colnames))
            scope.items[item.alias.aliasname] = _Derived(dict(columns))
        case "RangeTableSample":
            _enter(unwrap(item.relation), scope)
        case "RangeFunction":
            called = [unwrap(unwrap(function).items[0]) for function in item.functions]
            names = [string_parts(call.funcname)[-1] for call in called if kind(call) == "FuncCall"]
            alias = item.alias.aliasname or (names[0] if names else "")
            scope.items[alias] = _Derived({}, frozenset[Source]().union(*(_carried(call, scope) for call in called)))
        case _:
            scope.items[item.alias.aliasname] = _Derived({}, _together(children(item), scope))


def _joined(scope: _Scope, before: set[str], alias: Any) -> _Item:
    sides = _Joined(tuple(item for name, item in scope.items.items() if name not in before))
    if not len(alias.colnames):
        return sides
    return _Derived({}, sides.row())  # renamed across both sides: any column may be any


def _targets(select: Any, scope: _Scope) -> _Columns:
    targets = [unwrap(target) for target in select.target_list]
    lookup = taken_apart(select, frozenset(scope.made))
    asked = any(_asks(condition) for condition in (*lookup.conditions, *_other_conditions(select)))
    if asked:
        for alias in _tied_to_caller(lookup, scope):
            scope.items[alias] = _Derived({})
    grouped = len(select.group_clause) > 0 or len(select.distinct_clause) > 0 or any(aggregates(t) and not _lists(t) for t in targets)
    found: _Columns = []
    for target in targets:
        sources = _carried(unwrap(target.val), scope)
        if sources and (grouped or asked):
            sources = frozenset(s._replace(grouped=s.grouped or grouped, asked=s.asked or asked) for s in sources)
        found.append((_name(target), sources))
    return found


def _other_conditions(select: Any) -> Iterator[Node]:
    """Conditions that do not hold for every row: they hide some all the same."""
    if select.HasField("having_clause"):
        yield unwrap(select.having_clause)
    waiting = [unwrap(item) for item in select.from_clause]
    while waiting:
        item: Any = waiting.pop()
        if kind(item) == "JoinExpr":
            waiting += [unwrap(item.larg), unwrap(item.rarg)]
            if item.HasField("quals"):
                yield unwrap(item.quals)


def _name(target: Any) -> str:
    if target.name:
        return str(target.name)
    value: Any = bare(unwrap(target.val))
    if path := column_path(value):
        return path[-1]
    return string_parts(value.funcname)[-1] if kind(value) == "FuncCall" else ""


def _lists(node: Any) -> bool:
    """An aggregate whose result still has every value in it."""
    if kind(node) == "FuncCall" and string_parts(node.funcname)[-1] in _LISTING:
        return True
    return any(_lists(child) for child in children(node))


# -- what an expression hands on -----------------------------------------------------------------------------------------------------


def _carried(node: Any, scope: _Scope) -> Sources:
    match kind(node):
        case "ColumnRef":
            return _of_reference(node, scope)
        case "FuncCall":
            return _of_call(node, scope)
        case "A_Expr":
            return _of_operator(node, scope)
        case "SubLink":
            if node.sub_link_type not in _PLAIN_SUBLINKS:
                return frozenset()
            return frozenset[Source]().union(*(s for _, s in _outputs(unwrap(node.subselect), scope, scope.made)))
        case "CaseExpr":
            return _of_case(node, scope)
        case "BoolExpr" | "NullTest" | "BooleanTest" | "A_Const" | "SQLValueFunction" | "TypeName" | "GroupingFunc" | "JsonIsPredicate":
            return frozenset()
        case _:
            return _together(children(node), scope)


def _together(nodes: Iterable[Node], scope: _Scope) -> Sources:
    return frozenset[Source]().union(*(_carried(node, scope) for node in nodes))


def _of_reference(node: Any, scope: _Scope) -> Sources:
    parts = [field.string.sval if field.WhichOneof("node") == "string" else None for field in node.fields]
    if parts == [None]:
        raise SqlSyntaxError("it does not name its columns")
    if len(parts) == 1:
        # Printed so only where one item of FROM has it, or where USING makes one column of several.
        return frozenset[Source]().union(*(item.column(str(parts[0])) for item in scope.items.values()))
    item = scope.find(str(parts[-2]))
    if item is None:
        return frozenset()
    return item.row() if parts[-1] is None else item.column(parts[-1])


def _of_call(call: Any, scope: _Scope) -> Sources:
    name = string_parts(call.funcname)
    if name[:-1] in ((), ("pg_catalog",)) and name[-1] not in _HANDING_ON:
        return frozenset()
    given = _together([unwrap(a) for a in call.args] + [unwrap(o) for o in call.agg_order if call.agg_within_group], scope)
    if name[:-1] in ((), ("pg_catalog",)):
        return given
    return frozenset(s._replace(through=s.through or (name[-2], name[-1])) for s in given)


def _of_operator(node: Any, scope: _Scope) -> Sources:
    if node.kind == pg.AEXPR_NULLIF:
        return _carried(unwrap(node.lexpr), scope)
    if node.kind != pg.AEXPR_OP or operator_of(node) in _TELLING:
        return frozenset()
    return _together([unwrap(side) for side in (node.lexpr, node.rexpr)], scope)


def _of_case(node: Any, scope: _Scope) -> Sources:
    whens = [unwrap(when) for when in node.args]
    found = _together([*(unwrap(when.result) for when in whens), unwrap(node.defresult)], scope)
    if found and any(_asks(unwrap(when.expr)) for when in whens):
        return frozenset(s._replace(asked=True) for s in found)
    return found


# -- rows of the caller ---------------------------------------------------------------------------------------------------------------


def _asks(node: Any) -> bool:
    """The answer may depend on who asks: a function that is none of the server's, a setting, or the name of the role."""
    match kind(node):
        case "FuncCall":
            name = string_parts(node.funcname)
            if name[:-1] not in ((), ("pg_catalog",)) or name[-1] == "current_setting":
                return True
        case "SQLValueFunction":
            return node.op in _NAMES_USER
    return any(_asks(child) for child in children(node))


def _tied_to_caller(lookup: Lookup, scope: _Scope) -> set[str]:
    """Items of FROM each row of which belongs to the caller: equal in some column to who the caller is, directly or through others."""
    edges: dict[str, set[str]] = defaultdict(set)
    for left, right in _ties(lookup, frozenset(scope.items), "", frozenset(scope.made)):
        edges[left].add(right)
        edges[right].add(left)
    found, waiting = {_CALLER}, [_CALLER]
    while waiting:
        for name in edges[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found & set(scope.items)


def _ties(lookup: Lookup, aliases: frozenset[str], level: str, made: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Pairs of items, and of items with the caller, that the conjuncts make equal. `level` tells apart items of inner look-ups."""
    yield from ((level + left[0], level + right[0]) for left, right in lookup.merged)
    for condition in lookup.conditions:
        match kind(condition):
            case "A_Expr" if condition.kind == pg.AEXPR_OP and operator_of(condition) == "=":
                sides = [_tied_side(unwrap(side), aliases, level) for side in (condition.lexpr, condition.rexpr)]
                if sides[0] and sides[1]:
                    yield sides[0], sides[1]
            case "SubLink":
                yield from _ties_of_lookup(condition, aliases, level, made)


def _ties_of_lookup(sublink: Any, aliases: frozenset[str], level: str, made: frozenset[str]) -> Iterator[tuple[str, str]]:
    """`exists (select ...)` and `x in (select y ...)`: a row passes only with a row of the look-up beside it."""
    select = unwrap(sublink.subselect)
    if kind(select) != "SelectStmt" or select.op != pg.SETOP_NONE or len(select.values_lists) or finds_a_row_anyway(select):
        return
    looks_up = sublink.sub_link_type == pg.ANY_SUBLINK and (not len(sublink.oper_name) or string_parts(sublink.oper_name)[-1] == "=")
    if not looks_up and sublink.sub_link_type != pg.EXISTS_SUBLINK:
        return
    made = made | made_by(select)
    lookup = taken_apart(select, made)
    inner = f"{level}{sublink.location}/"
    seen = aliases | {inner + alias for alias in lookup.aliases}
    if looks_up and len(select.target_list) == 1:
        outside = _tied_side(unwrap(sublink.testexpr), aliases, level)
        inside = _tied_side(unwrap(select.target_list[0].res_target.val), seen, inner)
        if outside and inside:
            yield outside, inside
    yield from _ties(lookup, seen, inner, made)


def _tied_side(node: Any, aliases: frozenset[str], level: str) -> str | None:
    """The item whose column this is, or the caller; None for any other value."""
    node = bare(node)
    path = column_path(node)
    if path is None:
        return _CALLER if _is_caller(node) else None
    if len(path) == 1:
        innermost = [a for a in aliases if a.startswith(level) and "/" not in a[len(level) :]]
        return innermost[0] if len(innermost) == 1 else None
    while level + path[-2] not in aliases and level:
        level = level[: level[:-1].rfind("/") + 1]
    return level + path[-2] if level + path[-2] in aliases else None


def _is_caller(node: Any) -> bool:
    """What names the caller and nobody else: an account, a claim. What users write about themselves does not."""
    node = bare(node)
    match kind(node):
        case "FuncCall":
            name = string_parts(node.funcname)
            if name[-1] == "current_setting" and len(node.args):
                setting = constant_of(bare(unwrap(node.args[0])))
                return setting is not None and str(setting.value).startswith(_CLAIMS)
            return name in _CALLERS
        case "A_Expr" if node.kind == pg.AEXPR_NULLIF:
            return _is_caller(unwrap(node.lexpr))
        case "A_Expr" if operator_of(node) in _STEPS:
            key = constant_of(bare(unwrap(node.rexpr)))
            return key is not None and not any(word in str(key.value) for word in _USER_METADATA) and _is_caller(unwrap(node.lexpr))
        case _:
            return False
