"""Does a policy expression confine rows to the caller's tenant (clause 5.1)?

An expression confines when it can be true only for rows whose tenant column equals the caller's tenant claim. The
claim counts wherever the server puts it (`auth.jwt()`, `request.jwt.claims`), also below `app_metadata`, inside a
scalar sub-select, or behind a helper function that returns it; `user_metadata` does not count, because users edit it.
A look-up confines when it ties the row's tenant to the caller through a declared membership table.

Helpers are read by putting the arguments of the call into their body (`inlining`), look-ups by the equalities that
hold for every row they find (`lookups`). What neither can follow is UNDECIDABLE where the caller is asked for at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.inlining import (
    ROW,
    ColumnsOf,
    FindHelper,
    HelperCalls,
    HelperFunction,
    UnreadableHelperError,
    every_reading,
    row_column,
)
from platformkit_pipeline.sqltext.lookups import Equalities, Lookup, Value, finds_a_row_anyway, made_by, taken_apart
from platformkit_pipeline.sqltext.parser import (
    Node,
    SqlSyntaxError,
    children,
    column_path,
    constant_of,
    kind,
    operator_of,
    parse_expression,
    scalar_of,
    string_parts,
    unwrap,
    value_of_select,
)
from platformkit_pipeline.sqltext.truth import Truth, fold

__all__ = ["Confinement", "HelperFunction", "Judgement", "TenantTerms", "all_of", "any_of", "judge_expression"]

_TEXT_CASTS = frozenset({"uuid", "text", "citext", "int2", "int4", "int8", "numeric", "json", "jsonb", "_uuid", "_text"})
"""Casts after which two values are equal only if they were before."""
_SHORTEST_TENANT = 36
"""`varchar(n)` cuts nothing off a uuid from this length on."""


_SET_RETURNING = frozenset({"jsonb_array_elements_text", "json_array_elements_text", "unnest"})
_SPLITTING = frozenset({"string_to_array", "regexp_split_to_array", "string_to_table", "regexp_split_to_table"})
"""Functions whose every value is a piece of their first argument."""
_SPELLING = frozenset({"lower", "upper", "btrim"})
"""They leave a uuid what it is."""
_CONTAINING = frozenset({"@>", "<@", "&&", "?", "?|", "?&"})
_ORDERING = frozenset({"<>", "<", "<=", ">", ">="})
_NO_TENANTS = frozenset({"user_metadata", "sub", "role", "email", "phone", "aud", "iss", "aal", "amr", "session_id"})
"""Claims that hold no tenants that a caller could be trusted with."""
_READING = frozenset({"A_Expr", "A_Indirection", "FuncCall", "JsonFuncExpr"})
"""Nodes that may read something out of the token."""
_JSON_PATH = re.compile(r'\s*(?:lax\s+|strict\s+)?\$(?P<steps>(?:\.(?:"[^"\\]+"|\w+))*)(?:\[\*\])?\s*\Z')
_JSON_STEP = re.compile(r'\.(?:"(?P<quoted>[^"]+)"|(?P<plain>\w+))')
_EXTRACTING = frozenset({"jsonb_extract_path_text", "json_extract_path_text", "jsonb_extract_path", "json_extract_path"})
_INTERPRETED = _SET_RETURNING | _EXTRACTING | {"current_setting"}
"""Functions of pg_catalog whose meaning is known here; pg_catalog comes first in every search_path."""


class Confinement(Enum):
    """UNDECIDABLE: a helper could not be read, or rows are looked up in a table that nobody declared."""

    CONFINED = "confined"
    OPEN = "open"
    UNDECIDABLE = "undecidable"


ShownRows = Callable[[str, str], "Judgement | None"]
"""(`schema.name` of a table, column) → do its policies show only rows whose column is the caller's claim? None where none binds."""


@dataclass(frozen=True, slots=True)
class TenantTerms:
    """What counts as tenant column, claim and membership table for one table's policies."""

    relation: str
    column: str
    claim: str
    membership_tables: frozenset[str] = frozenset()
    """Tables that map users to tenants, as `schema.name` and as bare `name` where that is unambiguous."""
    find_helper: FindHelper = field(default=lambda _shape, _inside: ())
    columns_of: ColumnsOf = field(default=lambda _schema, _relation: frozenset())
    """Columns of a relation that a helper reads; a name in its body may be one of them."""
    never_null: bool = False
    """The tenant column is NOT NULL: only then IS NOT DISTINCT FROM asks for what = asks for."""
    shown: ShownRows = field(default=lambda _table, _column: None)
    """What the policies of a table that is looked up in show the caller of it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer, and for UNDECIDABLE the reason in words."""

    confinement: Confinement
    reason: str = ""


_CONFINED = Judgement(Confinement.CONFINED)
_OPEN = Judgement(Confinement.OPEN)
_KEY = "id"
"""Column of a declared table that names its row; a join by any other column may lead to other people's rows."""
_CALLER: Value = ("\x00caller",)
_CLAIM: Value = ("\x00claim",)


def judge_expression(expression: str, terms: TenantTerms) -> Judgement:
    """Judge the text of a USING or WITH CHECK expression. Text that does not parse is UNDECIDABLE."""
    try:
        node = parse_expression(expression)
        judged, names = every_reading(terms.find_helper, terms.columns_of, lambda calls: _Judge(terms, calls).condition(node))
        return _agreed(judged, names)
    except SqlSyntaxError as error:
        return Judgement(Confinement.UNDECIDABLE, f"the expression does not parse: {error}")
    except UnreadableHelperError as error:
        return Judgement(Confinement.UNDECIDABLE, f"the function {error}")
    except RecursionError:
        return Judgement(Confinement.UNDECIDABLE, "the expression and the helpers it calls are nested too deeply to be read")


def _agreed(judged: list[Judgement], names: list[str]) -> Judgement:
    """One judgement where calls may mean several functions."""
    if len({judgement.confinement for judgement in judged}) == 1:
        return judged[0]
    return _undecidable(f"which of several functions named {', '.join(names)} is called cannot be told")


def all_of(judgements: Iterable[Judgement]) -> Judgement:
    """Conjunction: one confining part is enough."""
    return _first(judgements, Confinement.CONFINED, Confinement.UNDECIDABLE) or _OPEN


def any_of(judgements: Iterable[Judgement]) -> Judgement:
    """Disjunction: every branch must confine."""
    return _first(judgements, Confinement.OPEN, Confinement.UNDECIDABLE) or _CONFINED


def _first(judgements: Iterable[Judgement], decisive: Confinement, second: Confinement) -> Judgement | None:
    """The first decisive judgement, and nothing is judged after it; else the first of the second kind."""
    found = None
    for judgement in judgements:
        if judgement.confinement is decisive:
            return judgement
        if found is None and judgement.confinement is second:
            found = judgement
    return found


def _undecidable(reason: str) -> Judgement:
    return Judgement(Confinement.UNDECIDABLE, reason)


class _Judge:
    """Walks one expression. `scope` are the aliases of the sub-selects around it, which may hide the judged relation."""

    def __init__(
        self, terms: TenantTerms, calls: HelperCalls, around: tuple[HelperFunction, ...] = (), scope: frozenset[str] | None = None
    ) -> None:
        self._terms = terms
        self._calls = calls
        self._around = around
        """The helpers in whose bodies it is; there only marked columns are those of the judged row."""
        self._scope = scope
        """None outside of sub-selects, where a column needs no qualifier."""
        self._made: frozenset[str] = frozenset()
        """Names that WITH clauses gave to something else than the table of that name."""
        self._as_caller = True
        """Nothing around runs with other rights than the caller's."""

    def _below(self, scope: frozenset[str] | None, made: frozenset[str]) -> _Judge:
        judge = _Judge(self._terms, self._calls, around=self._around, scope=scope)
        judge._made = made
        judge._as_caller = self._as_caller
        return judge

    # -- conditions -------------------------------------------------------------------------------------------------
    def condition(self, node: Any) -> Judgement:
        """May the condition be true for a row of another tenant?"""
        kind_of_node = kind(node)
        if kind_of_node == "BoolExpr" and node.boolop != pg.NOT_EXPR:
            combined = all_of if node.boolop == pg.AND_EXPR else any_of
            return combined(self.condition(unwrap(part)) for part in node.args)
        if not _reads_anything(node) and fold(node) in (Truth.FALSE, Truth.NULL):
            return _CONFINED
        match kind_of_node:
            case "BoolExpr":
                return self._negated(unwrap(node.args[0]))
            case "CaseExpr":
                return self._case(node)
            case "A_Expr":
                return self._comparison(node)
            case "SubLink":
                return self._sublink(node)
            case "FuncCall":
                return self._predicate(node)
            case "CoalesceExpr":
                return any_of(self.condition(unwrap(argument)) for argument in node.args)
            case "BooleanTest" if node.booltesttype == pg.IS_TRUE:
                return self.condition(unwrap(node.arg))
            case "BooleanTest" if node.booltesttype == pg.IS_FALSE:
                return self._negated(unwrap(node.arg))
            case "TypeCast":
                return self.condition(unwrap(node.arg))
            case "NullTest" if node.nulltesttype == pg.IS_NOT_NULL:
                return self._found_row(unwrap(node.arg), "", node) or self._unfollowed(node)
            case "NullTest" | "JsonFuncExpr":
                return self._unfollowed(node)
            case _:
                return _OPEN

    def _unfollowed(self, node: Any) -> Judgement:
        """A condition that is not known here: OPEN unless the row's tenant and the claim both have a part in it."""
        if self._names_row(node, self._terms.column) and self._mentions_claim(node):
            return _undecidable(f"how a condition compares {self._terms.column} with the claim is not followed")
        return _OPEN

    def _negated(self, node: Any) -> Judgement:
        """NOT pushed inwards: NOT NULL is NULL, so both laws of De Morgan hold."""
        if kind(node) == "BoolExpr":
            if node.boolop == pg.NOT_EXPR:
                return self.condition(unwrap(node.args[0]))
            combined = any_of if node.boolop == pg.AND_EXPR else all_of
            return combined(self._negated(unwrap(part)) for part in node.args)
        if not _reads_anything(node):
            return _CONFINED if fold(node) in (Truth.TRUE, Truth.NULL) else _OPEN
        if kind(node) == "A_Expr" and node.kind in (pg.AEXPR_OP, pg.AEXPR_DISTINCT):
            name, left, right = operator_of(node), unwrap(node.lexpr), unwrap(node.rexpr)
            if self._is_tenant(left) or self._is_tenant(right):
                other = right if self._is_tenant(left) else left
                if node.kind == pg.AEXPR_DISTINCT and name == "=":
                    return self._same_or_null(other)
                if node.kind == pg.AEXPR_OP and name in ("=", "<>"):
                    return self._claim(other) if name == "<>" else _OPEN
        if kind(node) == "A_Expr" and self._names_row(node, self._terms.column) and self._asks_for_caller(node):
            return _undecidable("a negated condition could not be followed")
        return _OPEN

    def _same_or_null(self, value: Node, path: tuple[str, ...] | None = None) -> Judgement:
        """`path`: of the value in the token, where it is known."""
        judged = self._claim(value) if path is None else _CONFINED if path in self._claim_paths() else self._other_claim(path)
        if judged.confinement is not Confinement.CONFINED or self._terms.never_null:
            return judged
        return _undecidable(f"IS NOT DISTINCT FROM shows rows without {self._terms.column} to callers without the claim")

    def _case(self, node: Any) -> Judgement:
        """A branch is taken only where its condition is true; without ELSE the rest is NULL, which is no row."""
        whens = [unwrap(when) for when in node.args]
        subject = unwrap(node.arg) if node.HasField("arg") else None
        branches = [all_of((self._taken(subject, unwrap(when.expr)), self.condition(unwrap(when.result)))) for when in whens]
        return any_of([*branches, *([self.condition(unwrap(node.defresult))] if node.HasField("defresult") else [])])

    def _taken(self, subject: Node | None, condition: Node) -> Judgement:
        return self.condition(condition) if subject is None else self._equal(subject, condition) or _OPEN

    def _only_service(self, left: Node, right: Node) -> bool:
        """`auth.role() = 'service_role'`: the signed token of a client never says so."""
        for role, name in ((_plain(left), _plain(right)), (_plain(right), _plain(left))):
            constant = constant_of(name)
            if constant is None or constant.value != "service_role":
                continue
            if (kind(role) == "FuncCall" and _of_auth(role) == "role") or self._claim_path(role) == ("role",):
                return True
        return False

    def _comparison(self, node: Any) -> Judgement:
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        name = operator_of(node)
        match node.kind:
            case pg.AEXPR_NULLIF:
                return self.condition(left)
            case pg.AEXPR_NOT_DISTINCT if name == "=" and (self._is_tenant(left) or self._is_tenant(right)):
                return self._same_or_null(right if self._is_tenant(left) else left)
            case pg.AEXPR_NOT_DISTINCT if name == "=":
                judged = self._as_boolean(left, right, equal=True)
            case pg.AEXPR_OP if name == "=":
                judged = self._equal(left, right)
            case pg.AEXPR_OP if name == "<>":
                judged = self._as_boolean(left, right, equal=False)
            case pg.AEXPR_OP if name in _CONTAINING:
                judged = self._contained(name, left, right)
            case pg.AEXPR_IN | pg.AEXPR_OP_ANY | pg.AEXPR_OP_ALL if name == "=":
                judged = self._among(left, right, of_all=node.kind == pg.AEXPR_OP_ALL)
            case _:
                judged = None
        return judged or self._of_rows(node, name, left, right)

    def _of_rows(self, node: Any, name: str, left: Node, right: Node) -> Judgement:
        """Comparisons with what a look-up finds: no row found is NULL, and no comparison with NULL is true."""
        if node.kind in (pg.AEXPR_OP, pg.AEXPR_IN, pg.AEXPR_OP_ANY, pg.AEXPR_LIKE, pg.AEXPR_ILIKE) and name:
            sides = [judged for side, other in ((left, right), (right, left)) if (judged := self._found_row(side, name, other))]
            if sides:
                return all_of(sides)
        differs = name in _ORDERING or node.kind == pg.AEXPR_DISTINCT
        return _OPEN if differs and (self._is_tenant(left) or self._is_tenant(right)) else self._unfollowed(node)

    def _equal(self, left: Node, right: Node) -> Judgement | None:
        """`left = right`; None where that is not known."""
        if self._only_service(left, right):
            return _CONFINED
        if self._is_tenant(left) or self._is_tenant(right):
            return self._claim(right if self._is_tenant(left) else left)
        if kind(left) == kind(right) == "RowExpr" and len(left.args) == len(right.args):
            pairs = zip(left.args, right.args, strict=True)
            return all_of(self._equal(unwrap(a), unwrap(b)) or _OPEN for a, b in pairs)
        return self._as_boolean(left, right, equal=True)

    def _as_boolean(self, left: Node, right: Node, *, equal: bool) -> Judgement | None:
        """`(condition) = true`, `false <> (condition)`; None where neither side is a literal truth."""
        for side, other in ((left, right), (right, left)):
            constant = constant_of(_plain(other))
            if constant is not None and isinstance(constant.value, bool):
                return self.condition(side) if constant.value is equal else self._negated(side)
        return None

    def _among(self, value: Node, items: Node, *, of_all: bool) -> Judgement | None:
        """`value in (...)`, `value = any (array)`, `value = all (array)`; None where that is not known."""
        listed = _elements(_plain(items))
        if listed and of_all:
            return all_of(self._equal(value, item) or _OPEN for item in listed)
        if of_all:
            return None  # of an empty array it is true
        if self._is_tenant(value):
            return self._claim(items) if listed is None else any_of(self._claim(item) for item in listed)
        return None if listed is None else any_of(self._equal(value, item) or self._unfollowed_pair(value, item) for item in listed)

    def _unfollowed_pair(self, value: Node, item: Node) -> Judgement:
        return _first((self._unfollowed(side) for side in (value, item)), Confinement.UNDECIDABLE, Confinement.OPEN) or _OPEN

    def _contained(self, name: str, left: Node, right: Node) -> Judgement | None:
        """Operators of arrays and JSON that ask whether the row's tenant is among the claims; None where that is not known."""
        if name == "<@":
            return self._contained("@>", right, left)
        ours, theirs = (_elements(_plain(side)) for side in (left, right))
        if name == "?":
            return self._claims(left) if self._is_tenant(right) else None
        if name in ("?|", "?&"):
            tenants = [self._is_tenant(item) for item in theirs or ()]
            return self._claims(left) if any(tenants) and (name == "?&" or all(tenants)) else None
        if name == "&&":
            for listed, other in ((ours, right), (theirs, left)):
                if listed and all(map(self._is_tenant, listed)):
                    return self._claims(other)
            return None
        if theirs and any(map(self._is_tenant, theirs)):
            return self._claims(left)
        if ours and theirs and all(map(self._is_tenant, ours)):
            return all_of(self._claim(item) for item in theirs)  # without theirs it would be true: every array contains an empty one
        return self._holds_json(left, self._claim_path(left), right)

    def _holds_json(self, left: Node, path: tuple[str, ...] | None, right: Node) -> Judgement | None:
        """`claims @> jsonb_build_object('tenant_id', tenant_id)`; `path` is where `left` stands in the token."""
        value = _plain(right)
        name = self._builtin(value) if kind(value) == "FuncCall" else ""
        arguments = [unwrap(argument) for argument in value.args] if name else []
        if name in ("to_jsonb", "jsonb_build_array") and any(map(self._is_tenant, arguments)):
            return self._claims(left) if path is None or path in self._claim_paths() else self._other_claim(path)
        if name != "jsonb_build_object" or path is None:
            return None
        found = []
        for key, inner in zip(arguments[::2], arguments[1::2], strict=False):
            constant = constant_of(_plain(key))
            below = (*path, str(constant.value)) if constant else None
            if below is not None and self._is_tenant(inner):
                found.append(self._same_or_null(left, below))
            elif below is not None and (judged := self._holds_json(left, below, inner)):
                found.append(judged)
        return all_of(found) if found else None

    def _claims(self, node: Node) -> Judgement:
        """The same as `_claim` for a set of values, which another claim may hold: then only somebody who knows it can tell."""
        judged = self._claim(node)
        if judged.confinement is not Confinement.OPEN:
            return judged
        path = self._claim_path(node)
        return self._other_claim(path) if path is not None else judged

    def _other_claim(self, path: tuple[str, ...]) -> Judgement:
        if not path or path[0] in _NO_TENANTS:
            return _OPEN
        return _undecidable(f"rows are compared with the claim {'.'.join(path)}, which is not declared as tenancy.claim")

    def _found_row(self, node: Any, name: str, other: Node) -> Judgement | None:
        """`(select role from members where ...) = 'admin'`, `(select count(*) ...) > 0`; None where it is no look-up."""
        node = _plain(node)
        if kind(node) != "SubLink" or node.sub_link_type != pg.EXPR_SUBLINK or scalar_of(node) is not None:
            return None
        select = unwrap(node.subselect)
        if _is_count(select) and name in (">", ">=", "=", "<>") and (number := constant_of(other)) and isinstance(number.value, int):
            positive = number.value >= (0 if name == ">" else 1) if name != "<>" else number.value == 0
            return self._lookup(select, (), counted=True) if positive else _OPEN
        return self._lookup(select, ())

    def _sublink(self, node: Any) -> Judgement:
        select = unwrap(node.subselect)
        match node.sub_link_type:
            case pg.EXPR_SUBLINK:
                inner = scalar_of(node)
                return self.condition(inner) if inner is not None else self._lookup(select, (), boolean=True)
            case pg.EXISTS_SUBLINK:
                return self._lookup(select, ())
            case pg.ANY_SUBLINK:
                return self._lookup(select, _tested(node) if string_parts(node.oper_name) in ((), ("=",)) else ())
            case _:
                return _OPEN

    def _predicate(self, call: Any) -> Judgement:
        """`is_member_of(tenant_id)`: the helper's body, its argument standing for the tenant column."""
        if self._builtin(call):
            return self._unfollowed(call)
        try:
            inner, body = self._inlined(call)
        except UnreadableHelperError as error:
            return _undecidable(f"the function {error}") if self._asks_about(call) else _OPEN
        return inner._lookup(body, (), boolean=True) if kind(body) == "SelectStmt" else inner.condition(body)

    def _asks_about(self, call: Any) -> bool:
        """The call is given something of the row; a helper that sees nothing of it cannot confine."""
        return any(self._names_row(unwrap(argument)) for argument in call.args)

    def _inlined(self, call: Any) -> tuple[_Judge, Node]:
        """The body that a call stands for and the judge to walk it. Raises UnreadableHelperError."""
        body = self._calls.body(call, self._around, self._row_column)
        helper = self._named(call)
        inner = _Judge(self._terms, self._calls, around=(*self._around, *([helper] if helper else [])))
        inner._as_caller = self._as_caller and helper is not None and not helper.security_definer
        return inner, body

    def _named(self, call: Any) -> HelperFunction | None:
        return self._calls.named(call, self._around[-1] if self._around else None)

    # -- look-ups ---------------------------------------------------------------------------------------------------
    def _lookup(self, select: Any, tested: tuple[Node, ...], *, counted: bool = False, boolean: bool = False) -> Judgement:
        """Does a sub-select find a row for another tenant? `tested` are compared with its columns, in order.

        `boolean`: its only column has to be true as well. `counted`: it counts, and more than none are asked for.
        """
        if kind(select) != "SelectStmt" or (len(select.values_lists) and not tested):
            return _OPEN
        if len(select.values_lists):
            rows = [[unwrap(item) for item in row.list.items] for row in select.values_lists]
            return any_of(all_of(self._equal(a, b) or _OPEN for a, b in zip(tested, row, strict=False)) for row in rows)
        made = self._made | made_by(select)
        if select.HasField("larg"):
            judge = self._below(self._scope, made)
            sides = [judge._lookup(side, tested, boolean=boolean) for side in (select.larg, select.rarg)]
            return any_of(sides) if select.op == pg.SETOP_UNION else all_of(sides if select.op == pg.SETOP_INTERSECT else sides[:1])
        lookup = taken_apart(select, made)
        inner = self._below((self._scope or frozenset()) | lookup.aliases, made)
        if finds_a_row_anyway(select) and not counted:
            return self._unclear(select, tested, inner, lookup) if tested else _OPEN
        targets = [unwrap(target.res_target.val) for target in select.target_list]
        pairs = list(zip(tested, targets, strict=True)) if len(tested) == len(targets) else []
        equalities = Equalities()
        for left, right in pairs:
            _join(equalities, self._value(left, None), inner._value(right, lookup))
        for left_column, right_column in lookup.merged:
            equalities.join(left_column, right_column)
        for condition in lookup.conditions:
            for left, right in _equated(condition):
                _join(equalities, inner._value(left, lookup), inner._value(right, lookup))
        tenant: Value = (ROW, self._terms.column)
        if equalities.equal(tenant, _CLAIM) or inner._tied(equalities, lookup, tenant):
            return _CONFINED
        demanded = (*lookup.conditions, *(targets[:1] if boolean else ()))
        conditions = all_of(inner.condition(condition) for condition in demanded)
        if conditions.confinement is Confinement.CONFINED:
            return _CONFINED
        # one that asks for the caller itself is meant as a look-up of memberships, and its table has to be declared
        shown = None if self._asks_for_caller(select) else inner._shown(equalities, lookup, tenant)
        if shown and shown.confinement is Confinement.CONFINED:
            return shown
        whole = all_of([*(self._claim_of_value(left, right, inner) for left, right in pairs), conditions])
        if whole.confinement is not Confinement.OPEN:
            return whole
        return shown or self._unclear(select, tested, inner, lookup)

    def _shown(self, equalities: Equalities, lookup: Lookup, tenant: Value) -> Judgement | None:
        """What the policies of the tables that are looked up in make of it; None where they do not bind the reader.

        Rows are found with the caller's rights. A membership table whose own policies show only the caller's rows ties as well.
        """
        found = []
        for alias, column in sorted(equalities.equal_columns(tenant)) if self._as_caller else ():
            table = lookup.tables.get(alias, "")
            found.append(self._terms.shown(table, column))
            if table in self._terms.membership_tables:
                schema, _, name = table.rpartition(".")
                others = (self._terms.columns_of(schema, name) or frozenset()) - {column}
                found += [j for c in sorted(others) if (j := self._terms.shown(table, c)) and j.confinement is Confinement.CONFINED]
        judged = [judgement for judgement in found if judgement is not None]
        return all_of(judged) if judged else None

    def _claim_of_value(self, left: Node, right: Node, inner: _Judge) -> Judgement:
        return inner._claim(right) if self._is_tenant(left) and column_path(_plain(right)) is None else _OPEN

    def _tied(self, equalities: Equalities, lookup: Lookup, tenant: Value) -> bool:
        """A membership table has the caller in one column and the row's tenant in another.

        A declared table of users stands for the caller, too: `members.profile_id = profiles.id and profiles.auth_id = auth.uid()`.
        """
        members = {alias for alias, table in lookup.tables.items() if table in self._terms.membership_tables}
        callers = (equalities.columns_equal_to(_CALLER) | equalities.columns_equal_to(_CLAIM)) & members
        while more := {other for alias in callers for other in equalities.columns_equal_to((alias, _KEY)) if other in members} - callers:
            callers |= more
        return bool(callers & equalities.columns_equal_to(tenant))

    def _unclear(self, select: Any, tested: tuple[Node, ...], inner: _Judge, lookup: Lookup) -> Judgement:
        """OPEN where nobody asks for the caller or for the row; otherwise a person has to look."""
        asked = any(self._asks_for_caller(node) for node in (select, *tested))
        if not asked or not (inner._names_row(select) or any(self._names_row(node) for node in tested)):
            return _OPEN
        column = self._terms.column
        tables = sorted(set(lookup.tables.values()))
        if not tables:
            return _undecidable(f"how a sub-select ties the caller to the row's {column} is not followed")
        names = ", ".join(tables)
        if not inner._names_row(select, column) and not any(self._names_row(node, column) for node in tested):
            return _undecidable(f"rows are reached through {names}, not by their own column {column}")
        if not set(tables) & self._terms.membership_tables:
            return _undecidable(f"rows are looked up in {names}; declare it under tenancy.membership_tables if it maps users to tenants")
        return _undecidable(f"the look-up in {names} does not plainly tie the caller to the row's {column}")

    def _value(self, node: Any, lookup: Lookup | None) -> Value | None:
        """What a value is known to be: a column of the row or of the look-up, the caller, the claim."""
        node = _plain(node)
        if (column := self._row_column(node)) is not None:
            return (ROW, column)
        path = column_path(node)
        if path is not None:
            return self._column_value(path, lookup) if lookup else None
        if self._is_caller(node):
            return _CALLER
        return _CLAIM if self._claim(node).confinement is Confinement.CONFINED else None

    def _column_value(self, path: tuple[str, ...], lookup: Lookup) -> Value | None:
        alias = path[-2] if len(path) > 1 else path[0] if path[0] in lookup.calls else None
        if alias in lookup.calls:
            return _CLAIM if self._claim(lookup.calls[alias]).confinement is Confinement.CONFINED else None
        if alias in lookup.tables:
            return (alias, path[-1])
        if len(path) == 1 and len(lookup.aliases) == len(lookup.calls) == 1:
            return self._column_value((next(iter(lookup.calls)), path[0]), lookup)
        if len(path) == 1 and len(lookup.aliases) == len(lookup.tables) == 1:
            return (next(iter(lookup.tables)), path[0])
        return None

    # -- values -----------------------------------------------------------------------------------------------------
    def _row_column(self, node: Any) -> str | None:
        """The name of a column of the judged row, or None for anything else."""
        path = column_path(node)
        if path is None:
            return None
        if path[0] == ROW:
            return path[1]
        if self._around:
            return None
        if self._scope is None:
            return path[-1] if len(path) == 1 or path[-2] == self._terms.relation else None
        return path[-1] if len(path) > 1 and path[-2] == self._terms.relation and path[-2] not in self._scope else None

    def _is_tenant(self, node: Any) -> bool:
        return self._row_column(_plain(node)) == self._terms.column

    def _names_row(self, node: Any, column: str | None = None) -> bool:
        name = self._row_column(node)
        if name is not None and column in (None, name):
            return True
        return any(self._names_row(child, column) for child in children(node))

    def _claim(self, node: Any) -> Judgement:
        """CONFINED when the value, or every value of the array or set, is the caller's tenant claim."""
        value = _plain(node)
        match kind(value):
            case "A_Const" if (constant := constant_of(value)) and constant.value is None:
                return _CONFINED
            case "A_Expr" if value.kind == pg.AEXPR_NULLIF:
                return self._claim(unwrap(value.lexpr))
            case "A_Expr" | "A_Indirection":
                path = self._claim_path(value)
                return self._computed(value) if path is None else self._at(path)
            case "JsonFuncExpr" if value.op in (pg.JSON_VALUE_OP, pg.JSON_QUERY_OP):
                path = self._claim_path(value)
                return self._computed(value) if path is None else any_of((self._at(path), *map(self._claim, _defaults(value))))
            case "MinMaxExpr":
                return any_of(self._claim(unwrap(argument)) for argument in value.args)
            case "A_ArrayExpr":
                return any_of(self._claim(unwrap(item)) for item in value.elements)
            case "CoalesceExpr":
                return any_of(self._claim(unwrap(argument)) for argument in value.args)
            case "CaseExpr":
                return any_of(self._claim(result) for result in _results(value))
            case "FuncCall":
                return self._claim_function(value)
            case "SubLink" if value.sub_link_type in (pg.EXPR_SUBLINK, pg.ARRAY_SUBLINK):
                return self._claim_of_select(unwrap(value.subselect))
            case _:
                return self._computed(value)

    def _at(self, path: tuple[str, ...]) -> Judgement:
        """The value at a place of the token: the claim, or an element of it where it is a list."""
        inside = path[:-1] if path and path[-1].removeprefix("-").isdigit() else path
        return _CONFINED if path in self._claim_paths() or inside in self._claim_paths() else _OPEN

    def _computed(self, value: Node) -> Judgement:
        """A value that is made of the claim in a way that is not known here, and of nothing of the row."""
        if self._mentions_claim(value) and not self._names_row(value):
            return _undecidable(f"how a value that {self._terms.column} is compared with comes out of the claim is not followed")
        return _OPEN

    def _claim_of_select(self, select: Any) -> Judgement:
        """The select's values are those for which `tenant = value` can be true."""
        value = value_of_select(select)
        return self._claim(value) if value is not None else self._lookup(_without_array_agg(select), (row_column(self._terms.column),))

    def _claim_paths(self) -> tuple[tuple[str, ...], ...]:
        return (self._terms.claim,), ("app_metadata", self._terms.claim)

    def _claim_function(self, call: Any) -> Judgement:
        name = self._builtin(call)
        if name == "current_setting":
            return _CONFINED if _setting_of(call) == f"request.jwt.claim.{self._terms.claim}" else _OPEN
        if (name in _SET_RETURNING and len(call.args) == 1) or (name in _SPLITTING and len(call.args) > 1):
            return self._claims(unwrap(call.args[0]))
        if name in _SPELLING and len(call.args) == 1:
            return self._claim(unwrap(call.args[0]))
        if name:
            path = self._claim_path(call)
            return self._computed(call) if path is None else self._at(path)
        if _of_auth(call):
            return _CONFINED if _of_auth(call) == "uid" else _OPEN  # a tenant whose id is the user's own is the user's alone
        try:
            inner, body = self._inlined(call)
        except UnreadableHelperError as error:
            return _undecidable(f"the function {error}")
        return inner._claim_of_select(body) if kind(body) == "SelectStmt" else inner._claim(body)

    def _claim_path(self, node: Any) -> tuple[str, ...] | None:
        """`auth.jwt() -> 'app_metadata' ->> 'tenant_id'` as ("app_metadata", "tenant_id"); None for other values."""
        node = _plain(node)
        match kind(node):
            case "FuncCall":
                return self._claim_root(node)
            case "A_Indirection":
                base = self._claim_path(unwrap(node.arg))
                indices = [unwrap(step) for step in node.indirection]
                keys = [constant_of(_plain(unwrap(index.uidx))) for index in indices if kind(index) == "A_Indices" and not index.is_slice]
                if base is None or len(keys) != len(indices) or not all(keys):
                    return None
                return base + tuple(str(key.value) for key in keys if key)
            case "CoalesceExpr":
                paths = {self._claim_path(unwrap(a)) for a in node.args if constant_of(_plain(unwrap(a))) is None}
                empty = all(c.value in (None, "", "{}") for a in node.args if (c := constant_of(_plain(unwrap(a)))))
                return paths.pop() if len(paths) == 1 and empty else None
            case "A_Expr" if node.kind == pg.AEXPR_NULLIF:
                return self._claim_path(unwrap(node.lexpr))
            case "A_Expr" if operator_of(node) in ("->", "->>", "#>", "#>>"):
                base = self._claim_path(unwrap(node.lexpr))
                if base is None:
                    return None
                steps = _path_steps(_plain(unwrap(node.rexpr)), is_path=operator_of(node).startswith("#"))
                return None if steps is None else base + steps
            case "JsonFuncExpr":
                base = self._claim_path(unwrap(node.context_item.raw_expr))
                steps = _json_path_steps(_plain(unwrap(node.pathspec)))
                return None if base is None or steps is None else base + steps
            case _:
                return None

    def _builtin(self, call: Any) -> str:
        """The name of a function of pg_catalog; empty for others.

        The server prints other schemas' functions qualified. In the text of a helper's body a bare name may be any function.
        """
        name = string_parts(call.funcname)
        if name[:-1] == ("pg_catalog",):
            return name[-1]
        own = self._around and name[-1] not in _INTERPRETED and self._named(call) is not None
        return name[-1] if len(name) == 1 and not own else ""

    def _claim_root(self, call: Any) -> tuple[str, ...] | None:
        """() for the claims object itself, the path for `jsonb_extract_path_text(claims, ...)`."""
        if _of_auth(call) == "jwt":
            return ()
        name = self._builtin(call)
        if name == "current_setting":
            return () if _setting_of(call) in ("request.jwt.claims", "request.jwt.claim") else None
        if name in _EXTRACTING and len(call.args) > 1:
            base = self._claim_path(unwrap(call.args[0]))
            keys = [constant_of(_plain(unwrap(argument))) for argument in call.args[1:]]
            return base + tuple(str(k.value) for k in keys if k) if base is not None and all(keys) else None
        body = None if name else self._value_body(call)
        return body[0]._claim_path(body[1]) if body else None

    def _value_body(self, call: Any) -> tuple[_Judge, Node] | None:
        """The body of a helper in value position, or None when it cannot be read."""
        try:
            inner, body = self._inlined(call)
        except UnreadableHelperError:
            return None
        return None if kind(body) == "SelectStmt" else (inner, body)

    def _is_caller(self, node: Any) -> bool:
        """The value is the caller's user id: `auth.uid()`, the `sub` claim, or a helper that returns them."""
        node = _plain(node)
        if kind(node) == "CoalesceExpr":
            return all(self._is_caller(unwrap(argument)) for argument in node.args)
        if kind(node) == "CaseExpr":
            results = [
                result for result in _results(node) if (constant := constant_of(_plain(result))) is None or constant.value is not None
            ]
            return bool(results) and all(self._is_caller(result) for result in results)
        if kind(node) == "A_Expr" and node.kind == pg.AEXPR_NULLIF:
            return self._is_caller(unwrap(node.lexpr))
        if kind(node) != "FuncCall":
            return self._claim_path(node) == ("sub",)
        if _of_auth(node):
            return _of_auth(node) == "uid"
        name = self._builtin(node)
        if name:
            return (name == "current_setting" and _setting_of(node) == "request.jwt.claim.sub") or self._claim_path(node) == ("sub",)
        body = self._value_body(node)
        return body is not None and body[0]._is_caller(body[1])

    def _mentions_claim(self, node: Any) -> bool:
        """The tenant claim, or a part of the token that holds it, is somewhere in the sub-tree."""
        if kind(node) in _READING and (path := self._claim_path(node)) is not None:
            return self._leads_to_claim(path)
        return any(self._mentions_claim(child) for child in children(node))

    def _leads_to_claim(self, path: tuple[str, ...]) -> bool:
        return self._at(path).confinement is Confinement.CONFINED or any(claim[: len(path)] == path for claim in self._claim_paths())

    def _asks_for_caller(self, node: Any) -> bool:
        """The sub-tree may depend on who is calling: it reads `auth.uid()`, a claim, or calls a helper."""
        if kind(node) == "FuncCall" and (_of_auth(node) == "uid" or (not self._builtin(node) and not _of_auth(node))):
            return True
        if kind(node) in _READING and (path := self._claim_path(node)) is not None:
            return path == ("sub",) or self._leads_to_claim(path)
        return any(self._asks_for_caller(child) for child in children(node))


def _json_path_steps(path: Any) -> tuple[str, ...] | None:
    """Keys that an SQL/JSON path goes down by, all elements of a list included at its end; None for what is no constant, or filters."""
    constant = constant_of(path)
    match = _JSON_PATH.match(constant.value) if constant is not None and isinstance(constant.value, str) else None
    return tuple(step["quoted"] or step["plain"] for step in _JSON_STEP.finditer(match["steps"])) if match else None


def _defaults(json_function: Any) -> list[Node]:
    """What DEFAULT ... ON EMPTY and ON ERROR put in the place of a value."""
    behaviours = [getattr(json_function, name) for name in ("on_empty", "on_error") if json_function.HasField(name)]
    return [unwrap(behaviour.expr) for behaviour in behaviours if behaviour.btype == pg.JSON_BEHAVIOR_DEFAULT]


def _elements(node: Any) -> list[Node] | None:
    """The values of `array[...]` or of an IN list; None for anything else."""
    match kind(node):
        case "A_ArrayExpr":
            return [unwrap(item) for item in node.elements]
        case "List":
            return [unwrap(item) for item in node.items]
        case _:
            return None


def _results(case: Any) -> list[Node]:
    """What a CASE may give; NULL where it has no ELSE is left out."""
    results = [unwrap(unwrap(when).result) for when in case.args]
    return [*results, *([unwrap(case.defresult)] if case.HasField("defresult") else [])]


def _is_null(node: Node) -> bool:
    constant = constant_of(_plain(node))
    return constant is not None and constant.value is None


def _tested(sublink: Any) -> tuple[Node, ...]:
    """The left side of IN, one value per column."""
    tested = unwrap(sublink.testexpr)
    return tuple(unwrap(part) for part in tested.args) if kind(tested) == "RowExpr" else (tested,)


def _equated(node: Any) -> list[tuple[Node, Node]]:
    """The pairs of values that a conjunct demands to be equal."""
    if kind(node) == "A_Expr" and node.kind == pg.AEXPR_OP and operator_of(node) == "=":
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        if kind(left) == kind(right) == "RowExpr":
            return [(unwrap(a), unwrap(b)) for a, b in zip(left.args, right.args, strict=False)]
        return [(left, right)]
    return []


def _join(equalities: Equalities, left: Value | None, right: Value | None) -> None:
    if left is not None and right is not None:
        equalities.join(left, right)


def _plain(node: Any) -> Any:
    """The value without what keeps different values different: harmless casts, COLLATE, and `(select x)` around it."""
    while True:
        match kind(node):
            case "TypeCast" if _is_faithful(node.type_name):
                node = unwrap(node.arg)
            case "CollateClause":
                node = unwrap(node.arg)
            case "SubLink" if (inner := scalar_of(node)) is not None:
                node = inner
            case _:
                return node


def _is_faithful(type_name: Any) -> bool:
    name = string_parts(type_name.names)
    limits = [constant_of(unwrap(limit)) for limit in type_name.typmods]
    if name[-1] == "varchar":
        return all(limit and isinstance(limit.value, int) and limit.value >= _SHORTEST_TENANT for limit in limits)
    return not limits and name[-1] in _TEXT_CASTS and name[:-1] in ((), ("pg_catalog",))  # a domain may be cut off like varchar(n)


def _of_auth(call: Any) -> str:
    """`uid`, `jwt`, `role` or `email` when the call is the platform's own function, else empty."""
    name = string_parts(call.funcname)
    return name[-1] if name[:-1] == ("auth",) and name[-1] in ("uid", "role", "email", "jwt") else ""


def _setting_of(call: Any) -> object:
    setting = constant_of(_plain(unwrap(call.args[0]))) if len(call.args) else None
    return setting.value if setting else None


def _is_count(select: Any) -> bool:
    if kind(select) != "SelectStmt" or len(select.target_list) != 1 or len(select.group_clause) or select.HasField("having_clause"):
        return False
    return _is_aggregate_called(unwrap(select.target_list[0].res_target.val), "count")


def _is_aggregate_called(value: Any, name: str) -> bool:
    return kind(value) == "FuncCall" and string_parts(value.funcname) in ((name,), ("pg_catalog", name))


def _without_array_agg(select: Any) -> Any:
    """`select array_agg(x) from ...` as an array is the set that `select x from ...` is."""
    if kind(select) != "SelectStmt" or len(select.target_list) != 1:
        return select
    value = unwrap(select.target_list[0].res_target.val)
    if not _is_aggregate_called(value, "array_agg") or len(value.args) != 1:
        return select
    copy = type(select)()
    copy.CopyFrom(select)
    copy.target_list[0].res_target.val.CopyFrom(value.args[0])
    return copy


def _reads_anything(node: Any) -> bool:
    """A column or a function is involved: `x <> x` may be NULL, and then `(x <> x) is not true` is true."""
    match kind(node):
        case "ColumnRef" | "FuncCall" | "SQLValueFunction":
            return True
        case "A_Expr" if _reads_anything(unwrap(node.lexpr)):
            return True
        case "A_Const":
            return False
        case _:
            return any(_reads_anything(child) for child in children(node))


def _path_steps(key: Any, *, is_path: bool) -> tuple[str, ...] | None:
    """Keys that an operator goes down by; `#>> '{}'` goes nowhere. None for what is no constant."""
    if kind(key) == "A_ArrayExpr":
        constants = [constant_of(_plain(unwrap(item))) for item in key.elements]
        return tuple(str(c.value) for c in constants if c) if all(constants) else None
    constant = constant_of(key)
    if constant is not None and isinstance(constant.value, int) and not is_path:
        return (str(constant.value),)
    if constant is None or not isinstance(constant.value, str):
        return None
    if not is_path:
        return (constant.value,)
    inside = constant.value.strip().removeprefix("{").removesuffix("}")
    return tuple(step.strip() for step in inside.split(",")) if inside else ()
