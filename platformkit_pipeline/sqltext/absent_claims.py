"""Does a policy expression let somebody in because the caller has no claims?

The expression is evaluated with every `auth.uid()`, `auth.jwt()` and claim setting as NULL, over what is known of the row:
nothing. Values may be NULL, not NULL, or either; conditions may come out in several ways. Each way carries its cause, so
that `is_public or owner = auth.uid()`, true for some rows whoever asks, is told from `auth.uid() is null or owner = auth.uid()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import lru_cache
from itertools import product
from typing import Any, TypeVar

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.expression_facts import CALLER_FUNCTIONS, ExpressionFacts, facts_of
from platformkit_pipeline.sqltext.functions import facts_of_function
from platformkit_pipeline.sqltext.inlining import (
    OPAQUE,
    ROW,
    ColumnsOf,
    FindHelper,
    HelperCalls,
    HelperFunction,
    UnreadableHelperError,
    every_reading,
    row_column,
    with_row_references,
)
from platformkit_pipeline.sqltext.lookups import finds_a_row_anyway, made_by, taken_apart
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
)
from platformkit_pipeline.sqltext.truth import Truth, compare, fold, truth_of

_T = TypeVar("_T")

_CONDITIONS = frozenset({"BoolExpr", "NullTest", "BooleanTest", "A_Expr", "SubLink", "CaseExpr"})
_COMPILED = frozenset({"c", "internal"})

_IGNORE_NULL = frozenset({"concat", "concat_ws", "format", "num_nulls", "num_nonnulls", "jsonb_build_object", "json_build_object"})


@dataclass(frozen=True, slots=True)
class RowTerms:
    """The judged row, and how to read the functions that an expression calls."""

    relation: str
    not_null: frozenset[str] = frozenset()
    """Columns of the row that cannot be NULL."""
    find_helper: FindHelper = field(default=lambda _shape, _inside: ())
    columns_of: ColumnsOf = field(default=lambda _schema, _relation: None)


class WithoutClaims(Enum):
    """What becomes of a policy when the caller has no claims."""

    CLOSED = "closed"
    """It lets nobody in who would not get in anyway."""
    OPENS = "opens"
    UNDECIDABLE = "undecidable"
    """It opens if a function, which cannot be read, returns NULL or true for such a caller."""


def without_claims(expression: str, terms: RowTerms) -> WithoutClaims:
    """Judge a USING or WITH CHECK expression. Raises SqlSyntaxError."""
    return judged_without_claims(expression, terms)[0]


def judged_without_claims(expression: str, terms: RowTerms) -> tuple[WithoutClaims, tuple[str, ...]]:
    """The same, and for UNDECIDABLE what about the functions could not be read. Raises SqlSyntaxError."""
    facts = facts_of(expression)
    if not _can_open(facts, terms) or truth_of(expression) is Truth.TRUE:
        return WithoutClaims.CLOSED, ()
    node = parse_expression(expression)
    try:
        answers, names = every_reading(terms.find_helper, terms.columns_of, lambda calls: _outcome(node, terms, calls))
    except UnreadableHelperError as error:
        return WithoutClaims.UNDECIDABLE, (str(error),)
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    if len({outcome for outcome, _ in answers}) == 1:
        return answers[0]
    return WithoutClaims.UNDECIDABLE, (f"{', '.join(names)} may be one of several functions of that name",)


def _outcome(node: Node, terms: RowTerms, calls: HelperCalls) -> tuple[WithoutClaims, tuple[str, ...]]:
    first = _Evaluation(terms, calls)
    if _is_opened(first.condition(node)):
        return WithoutClaims.OPENS, ()
    if first.unread and _is_opened(_Evaluation(terms, calls.again(), suspicious=True).condition(node)):
        return WithoutClaims.UNDECIDABLE, tuple(first.unread)
    return WithoutClaims.CLOSED, ()


def demands_claims(expression: str, terms: RowTerms) -> bool:
    """The condition lets nobody without claims through, whatever the row is. Raises SqlSyntaxError."""
    try:
        node = parse_expression(expression)
        answers, _ = every_reading(terms.find_helper, terms.columns_of, lambda calls: _Evaluation(terms, calls).condition(node))
        return not any(truth for ways in answers for truth, _ in ways)
    except UnreadableHelperError:
        return False
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None


def _can_open(facts: ExpressionFacts, terms: RowTerms) -> bool:
    """Only constructs that turn NULL into TRUE can open anything; a helper may hold one."""
    if facts.null_safe and facts.calls:
        return True
    return any(call.name not in CALLER_FUNCTIONS and terms.find_helper(call.shape, None) for call in facts.calls)


# -- ways in which a condition comes out ----------------------------------------------------------------------------------
class _Cause(IntEnum):
    """Why a condition is what it is. Of two that must both hold, the greater one counts."""

    FIXED = 0
    """Whatever the row and the caller."""
    CALLER = 1
    """The caller has no claims, and the row plays no part: `auth.uid() is null`."""
    ROW = 2
    """The row, or other data: `is_public`."""
    ABSENCE = 3
    """A comparison of the row with a claim was got around, because the claim is absent."""


_Way = tuple[bool | None, _Cause]
_Ways = frozenset[_Way]

_OPEN: _Ways = frozenset({(True, _Cause.ROW), (False, _Cause.ROW), (None, _Cause.ROW)})
_OPEN_NOT_NULL: _Ways = frozenset({(True, _Cause.ROW), (False, _Cause.ROW)})
_TRUE: _Ways = frozenset({(True, _Cause.FIXED)})


def _is_opened(ways: _Ways) -> bool:
    return (True, _Cause.CALLER) in ways or (True, _Cause.ABSENCE) in ways


@lru_cache(maxsize=4096)
def _and(left: _Ways, right: _Ways) -> _Ways:
    return frozenset(_both(a, b) for a, b in product(left, right))


def _both(a: _Way, b: _Way) -> _Way:
    if a[0] is True and b[0] is True:
        return True, max(a[1], b[1])
    decisive = False if a[0] is False or b[0] is False else None
    causes = [way[1] for way in (a, b) if way[0] is decisive]
    if len(causes) == 2:
        return decisive, _either(causes[0], causes[1])
    [cause] = causes
    other = b if a[0] is decisive else a
    if cause is _Cause.CALLER and other[1] in (_Cause.ROW, _Cause.ABSENCE):
        cause = _Cause.ABSENCE  # it gets around a condition about the row: `auth.uid() is null or owner = auth.uid()`
    return decisive, cause


def _either(one: _Cause, other: _Cause) -> _Cause:
    """Each of two causes is enough by itself: what holds anyway wins."""
    for cause in (_Cause.FIXED, _Cause.ROW):
        if cause in (one, other):
            return cause
    return max(one, other)


def _not(ways: _Ways) -> _Ways:
    return frozenset((None if truth is None else not truth, cause) for truth, cause in ways)


def _or(left: _Ways, right: _Ways) -> _Ways:
    return _not(_and(_not(left), _not(right)))


def _under(cause: _Cause, ways: Iterable[_Way]) -> _Ways:
    """Ways that are taken only because of `cause`."""
    return frozenset((truth, own if own is _Cause.ROW else max(own, cause)) for truth, own in ways)


@dataclass(frozen=True, slots=True)
class _Value:
    """`null` is None where the value may be NULL or not."""

    null: bool | None
    cause: _Cause = _Cause.ROW
    """Of a NULL: FIXED for a literal, else CALLER or ABSENCE."""
    node: Node | None = None
    """What the value is, where that is known."""
    replaced: bool = False
    """It stands in for a claim that is absent."""


_UNKNOWN = _Value(None)
_SOME = _Value(False)
_NO_CLAIM = _Value(True, _Cause.CALLER)


class _Evaluation:
    """Evaluates one expression. `scope`: aliases of the sub-selects around, which may hide the judged relation."""

    def __init__(self, terms: RowTerms, calls: HelperCalls, *, suspicious: bool = False) -> None:
        self._terms = terms
        self._calls = calls
        self._suspicious = suspicious
        """What cannot be read is taken to be NULL, or true where a condition is asked for."""
        self._scope: frozenset[str] | None = None
        self._around: tuple[HelperFunction, ...] = ()
        """The helpers in whose bodies it is."""
        self.unread: dict[str, None] = {}
        """Functions that may depend on the caller and could not be followed: why."""

    # -- conditions -------------------------------------------------------------------------------------------------------
    def condition(self, node: Any) -> _Ways:
        match kind(node):
            case "BoolExpr":
                return self._boolean(node)
            case "A_Expr":
                return self._operator(node)
            case "NullTest":
                return self._null_test(node)
            case "BooleanTest":
                return self._boolean_test(node)
            case "SubLink":
                return self._sub_link(node)
            case "CoalesceExpr":
                return self._coalesce(node)
            case "CaseExpr":
                return self._case(node)
            case "CollateClause":
                return self.condition(unwrap(node.arg))
            case "FuncCall":
                return self._call(node)
            case "TypeCast" if kind(unwrap(node.arg)) not in ("A_Const", "ColumnRef", "A_Expr", "FuncCall"):
                return self.condition(unwrap(node.arg))
            case _:
                return self._of_value(self._value(node), node)

    def _of_value(self, value: _Value, node: Node) -> _Ways:
        if value.null:
            return frozenset({(None, value.cause)})
        known = fold(node) if value.node is None else fold(value.node)
        if known in (Truth.TRUE, Truth.FALSE):
            return frozenset({(known is Truth.TRUE, _Cause.CALLER if value.replaced else _Cause.FIXED)})
        return _OPEN if value.null is None else _OPEN_NOT_NULL

    def _boolean(self, node: Any) -> _Ways:
        if node.boolop == pg.NOT_EXPR:
            return _not(self.condition(unwrap(node.args[0])))
        ways: _Ways | None = None
        combine = _and if node.boolop == pg.AND_EXPR else _or
        for part in node.args:
            more = self.condition(unwrap(part))
            ways = more if ways is None else combine(ways, more)
        return ways or _OPEN

    def _operator(self, node: Any) -> _Ways:
        name = operator_of(node)
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        match node.kind:
            case pg.AEXPR_DISTINCT | pg.AEXPR_NOT_DISTINCT:
                same = self._not_distinct(left, right)
                return same if node.kind == pg.AEXPR_NOT_DISTINCT else _not(same)
            case pg.AEXPR_IN:
                ways = self._one_of(left, [unwrap(item) for item in right.items])
                return _not(ways) if name == "<>" else ways
            case pg.AEXPR_OP_ANY if kind(right) == "A_ArrayExpr" and name == "=":
                return self._one_of(left, [unwrap(item) for item in right.elements])
            case pg.AEXPR_OP_ANY | pg.AEXPR_OP_ALL if kind(right) == "SubLink" and right.sub_link_type == pg.ARRAY_SUBLINK:
                return self._of_set(unwrap(right.subselect), (left,), for_all=node.kind == pg.AEXPR_OP_ALL)
            case pg.AEXPR_BETWEEN | pg.AEXPR_BETWEEN_SYM:
                low, high = (unwrap(bound) for bound in right.items)
                return _and(self._comparison(">=", left, low), self._comparison("<=", left, high))
            case pg.AEXPR_OP | pg.AEXPR_LIKE | pg.AEXPR_ILIKE:
                return self._comparison(name, left, right)
            case _:
                return self._of_value(self._strict((left, right)), node)

    def _one_of(self, value: Node, items: list[Node]) -> _Ways:
        ways: _Ways = frozenset({(False, _Cause.FIXED)})
        for item in items:
            ways = _or(ways, self._comparison("=", value, item))
        return ways

    def _comparison(self, name: str, left: Node, right: Node) -> _Ways:
        if name in ("=", "<>"):
            for side, other in ((left, right), (right, left)):
                constant = constant_of(other)
                if constant is not None and isinstance(constant.value, bool) and kind(side) in _CONDITIONS:
                    return self.condition(side) if constant.value is (name == "=") else _not(self.condition(side))
        a, b = self._value(left), self._value(right)
        if a.null or b.null:
            return frozenset({(None, self._cause_of_null((a, b), (left, right)))})
        replaced = a.replaced or b.replaced
        nulls: _Ways = frozenset({(None, _Cause.ROW)}) if a.null is None or b.null is None else frozenset()
        one, two = a.node or left, b.node or right
        known = compare(name, one, two)
        if known in (Truth.TRUE, Truth.FALSE):
            return nulls | {(known is Truth.TRUE, self._cause(left, right) if replaced else _Cause.FIXED)}
        if replaced and None not in (a.node, b.node) and (constant_of(one) or constant_of(two)):
            if name == "=":
                return nulls | {(False, _Cause.ROW)}  # a stand-in that no row has
            return nulls | {(True, self._cause(left, right)), (False, _Cause.ROW)}
        return nulls | _OPEN_NOT_NULL

    def _not_distinct(self, left: Node, right: Node) -> _Ways:
        a, b = self._value(left), self._value(right)
        if a.null is not True and b.null is not True:
            return frozenset(way for way in self._comparison("=", left, right) if way[0] is not None) | {(False, _Cause.ROW)}
        cause = self._cause_of_null((a, b), (left, right))
        if a.null and b.null:
            return frozenset({(True, cause)})
        if a.null is False or b.null is False:
            return frozenset({(False, cause)})
        return frozenset({(True, cause), (False, cause)})

    def _null_test(self, node: Any) -> _Ways:
        argument = unwrap(node.arg)
        value = self._value(argument)
        if value.null is None:
            return _OPEN_NOT_NULL
        cause = value.cause if value.null else self._cause(argument) if value.replaced else _Cause.FIXED
        return frozenset({(value.null == (node.nulltesttype == pg.IS_NULL), cause)})

    def _boolean_test(self, node: Any) -> _Ways:
        test = node.booltesttype
        positive = test in (pg.IS_TRUE, pg.IS_FALSE, pg.IS_UNKNOWN)
        asked = True if test in (pg.IS_TRUE, pg.IS_NOT_TRUE) else False if test in (pg.IS_FALSE, pg.IS_NOT_FALSE) else None
        return frozenset(((truth is asked) == positive, cause) for truth, cause in self.condition(unwrap(node.arg)))

    def _coalesce(self, node: Any) -> _Ways:
        found: set[_Way] = set()
        reached_by = _Cause.FIXED
        for argument in node.args:
            ways = _under(reached_by, self.condition(unwrap(argument)))
            found.update(way for way in ways if way[0] is not None)
            nulls = [cause for truth, cause in ways if truth is None]
            if not nulls:
                return frozenset(found)
            reached_by = max(reached_by, *(cause for cause in nulls))
        return frozenset(found) | {(None, reached_by)}

    def _case(self, node: Any) -> _Ways:
        found: set[_Way] = set()
        reached_by = _Cause.FIXED
        for branch in node.args:
            when = unwrap(branch)
            ways = self._comparison("=", unwrap(node.arg), unwrap(when.expr)) if node.HasField("arg") else self.condition(unwrap(when.expr))
            for truth, cause in ways:
                if truth:
                    found |= _under(max(reached_by, cause), self.condition(unwrap(when.result)))
            others = [cause for truth, cause in ways if not truth]
            if not others:
                return frozenset(found)
            reached_by = max(reached_by, *others)
        last = self.condition(unwrap(node.defresult)) if node.HasField("defresult") else frozenset({(None, _Cause.FIXED)})
        return frozenset(found) | _under(reached_by, last)

    def _call(self, node: Any) -> _Ways:
        if self._is_strict_and_null(node):
            return self._of_value(self._value(node), node)
        body = self._body(node)
        if body is None:
            if self._suspicious and self._may_ask_for_caller(self._named(node)):
                cause = self._cause(*(unwrap(argument) for argument in node.args))
                return frozenset({(True, cause), (False, cause), (None, cause)})
            return self._of_value(self._value(node), node)
        return self._inside(node, lambda: self._of_select(body) if kind(body) == "SelectStmt" else self.condition(body))

    # -- sub-selects --------------------------------------------------------------------------------------------------------
    def _sub_link(self, node: Any) -> _Ways:
        select = unwrap(node.subselect)
        match node.sub_link_type:
            case pg.EXISTS_SUBLINK:
                return self._found(select)
            case pg.ANY_SUBLINK:
                return self._of_set(select, _tested(node), for_all=False)
            case pg.ALL_SUBLINK:
                return self._of_set(select, _tested(node), for_all=True)
            case pg.EXPR_SUBLINK if (inner := scalar_of(node)) is not None:
                return self.condition(inner)
            case pg.EXPR_SUBLINK:
                return self._of_select(select)
            case _:
                return _OPEN

    def _of_select(self, select: Any) -> _Ways:
        """`(select flag from ... where ...)` as a condition."""
        value = self._of_rows(select)
        if value.null:
            return frozenset({(None, value.cause)})
        return _OPEN if value.node is None else self._of_value(value, value.node)

    def _found(self, select: Any) -> _Ways:
        """Does the sub-select find a row? (True, cause) and (False, cause) of that."""
        if kind(select) != "SelectStmt":
            return _OPEN_NOT_NULL
        if len(select.values_lists):
            return _TRUE
        if select.HasField("larg"):
            sides = self._found(select.larg), self._found(select.rarg)
            return _or(*sides) if select.op == pg.SETOP_UNION else _and(*sides) if select.op == pg.SETOP_INTERSECT else sides[0]
        if finds_a_row_anyway(select):
            return _TRUE
        return self._matched(select)

    def _matched(self, select: Any) -> _Ways:
        """Is there a row for which the conditions of the sub-select hold?"""
        ways = self._conditions(select)
        if not len(select.from_clause):
            return frozenset((truth is True, cause) for truth, cause in ways)
        holding = {cause for truth, cause in ways if truth}
        if not holding:
            return frozenset({(False, self._cause_of_nothing(select, ways))})
        return frozenset({(True, _Cause.ROW if cause is _Cause.FIXED else cause) for cause in holding} | {(False, _Cause.ROW)})

    def _cause_of_nothing(self, select: Any, ways: _Ways) -> _Cause:
        """Why no row is found: for a sub-select that asks nothing of the judged row, the caller alone."""
        cause = max(cause for _, cause in ways)
        return _Cause.CALLER if cause is _Cause.ABSENCE and not self._names_row(select) else cause

    def _conditions(self, select: Any) -> _Ways:
        lookup = taken_apart(select, made_by(select))
        before = self._scope
        self._scope = (before or frozenset()) | lookup.aliases
        ways = _TRUE
        for condition in lookup.conditions:
            ways = _and(ways, self.condition(condition))
        for call in lookup.calls.values():
            ways = _and(ways, self._rows_of(call, self._found) or _TRUE)
        self._scope = before
        return ways

    def _of_set(self, select: Any, tested: tuple[Node, ...], *, for_all: bool) -> _Ways:
        """`x in (select ...)`, `x <> all (select ...)`: an empty set answers, whatever x is."""
        found = self._found(select)
        empty = frozenset((for_all, cause) for truth, cause in found if not truth)
        causes = [cause for truth, cause in found if truth]
        if not causes:
            return empty
        values = [self._value(node) for node in tested]
        if any(value.null for value in values):
            return empty | {(None, self._cause_of_null(values, tested))}
        targets = [unwrap(target.res_target.val) for target in select.target_list] if kind(select) == "SelectStmt" else []
        if len(targets) == 1 and kind(targets[0]) == "FuncCall":
            marked = tuple(with_row_references(node, self._row_column) for node in tested)
            ways = self._rows_of(targets[0], lambda body: self._of_set(body, marked, for_all=for_all))
            if ways is not None:
                return empty | _under(max(causes), ways)
        return empty | _OPEN | {(True, cause) for cause in causes if cause in (_Cause.CALLER, _Cause.ABSENCE)}

    def _rows_of(self, call: Any, judge: Callable[[Any], _Ways]) -> _Ways | None:
        """The rows of a helper that returns a set, judged as its SELECT; None for other functions."""
        if self._named(call) is None or self._is_strict_and_null(call):
            return None
        body = self._body(call)
        if body is not None:
            return self._inside(call, lambda: judge(body)) if kind(body) == "SelectStmt" else None
        if self._suspicious and self._may_ask_for_caller(self._named(call)):
            return frozenset({(True, _Cause.ABSENCE), (False, _Cause.ABSENCE), (None, _Cause.ABSENCE)})
        return None

    def _of_rows(self, select: Any) -> _Value:
        """The value of a scalar sub-select: NULL where it finds no row."""
        if kind(select) != "SelectStmt" or len(select.target_list) != 1 or select.HasField("larg") or len(select.values_lists):
            return _UNKNOWN
        ways = self._matched(select)
        holding = any(truth for truth, _ in ways)
        target = unwrap(select.target_list[0].res_target.val)
        if finds_a_row_anyway(select):
            counts = kind(target) == "FuncCall" and string_parts(target.funcname)[-1] == "count"
            return _Value(False, node=_zero(), replaced=True) if counts and not holding else _UNKNOWN
        if not holding:
            return _Value(True, max(cause for _, cause in ways))
        before = self._scope
        self._scope = (before or frozenset()) | taken_apart(select, made_by(select)).aliases
        value = self._value(target)
        self._scope = before
        return value if value.null else _UNKNOWN

    # -- values ---------------------------------------------------------------------------------------------------------------
    def _value(self, node: Any) -> _Value:
        match kind(node):
            case "A_Const":
                constant = constant_of(node)
                return _Value(True, _Cause.FIXED) if constant and constant.value is None else _Value(False, node=node)
            case "ColumnRef":
                column = self._row_column(node)
                return _Value(None, node=node) if column is None else self._column_value(column)
            case "TypeCast" | "CollateClause":
                return self._value(unwrap(node.arg))
            case "A_Expr":
                return self._operator_value(node)
            case "CoalesceExpr" | "MinMaxExpr":
                return self._first_value([unwrap(argument) for argument in node.args])
            case "FuncCall":
                return self._call_value(node)
            case "SubLink":
                return self._sub_link_value(node)
            case "A_Indirection":
                return self._strict((unwrap(node.arg),))
            case "JsonFuncExpr":
                return self._strict((unwrap(node.context_item.raw_expr),))
            case "A_ArrayExpr" | "RowExpr" | "SQLValueFunction":
                return _SOME
            case "BoolExpr" | "BooleanTest" | "NullTest" | "CaseExpr":
                return self._condition_as_value(node)
            case _:
                return _UNKNOWN

    def _column_value(self, column: str) -> _Value:
        return _Value(False if column in self._terms.not_null else None, node=row_column(column))

    def _condition_as_value(self, node: Any) -> _Value:
        if kind(node) == "CaseExpr":
            return self._case_value(node)
        ways = self.condition(node)
        nulls = [cause for truth, cause in ways if truth is None]
        return _SOME if not nulls else _Value(True, max(nulls)) if len(nulls) == len(ways) else _UNKNOWN

    def _case_value(self, node: Any) -> _Value:
        """The branch that is taken without claims, where the row has no say in that."""
        if node.HasField("arg"):
            return _UNKNOWN
        reached_by = _Cause.CALLER
        for branch in node.args:
            when = unwrap(branch)
            ways = self.condition(unwrap(when.expr))
            reached_by = max(reached_by, *(cause for _, cause in ways))
            if all(truth and cause is not _Cause.ROW for truth, cause in ways):
                return self._in_place_of_claim(unwrap(when.result), reached_by)
            if any(truth for truth, _ in ways):
                return _UNKNOWN
        return self._in_place_of_claim(unwrap(node.defresult), reached_by) if node.HasField("defresult") else _Value(True, reached_by)

    def _in_place_of_claim(self, node: Node, reached_by: _Cause) -> _Value:
        value = self._value(node)
        if value.null:
            return _Value(True, max(value.cause, reached_by))
        return _Value(value.null, value.cause, value.node or node, replaced=True)

    def _operator_value(self, node: Any) -> _Value:
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        if node.kind == pg.AEXPR_NULLIF:
            value = self._value(left)
            return value if value.null else _UNKNOWN
        if node.kind in (pg.AEXPR_DISTINCT, pg.AEXPR_NOT_DISTINCT):
            return _SOME
        if node.kind != pg.AEXPR_OP:
            return self._condition_of(node)
        value = self._strict((left, right))
        if operator_of(node) == "||" and not value.null:
            return self._concatenated((left, right))
        return value

    def _condition_of(self, node: Any) -> _Value:
        ways = self.condition(node)
        nulls = [cause for truth, cause in ways if truth is None]
        return _SOME if not nulls else _Value(True, max(nulls)) if len(nulls) == len(ways) else _UNKNOWN

    def _strict(self, nodes: Iterable[Node]) -> _Value:
        """NULL when one of the operands is."""
        operands = [node for node in nodes if kind(node) != "Node"]
        values = [self._value(node) for node in operands]
        if any(value.null for value in values):
            return _Value(True, self._cause_of_null(values, operands))
        return _UNKNOWN

    def _concatenated(self, nodes: Iterable[Node]) -> _Value:
        values = [self._value(node) for node in nodes]
        texts = [constant_of(value.node) for value in values if value.node is not None and not value.null]
        if len(texts) != sum(1 for v in values if not v.null) or not all(t and isinstance(t.value, str) for t in texts):
            return _UNKNOWN
        text = "".join(str(t.value) for t in texts if t)
        return _Value(False, node=_text(text), replaced=any(v.replaced or v.null for v in values))

    def _first_value(self, nodes: list[Node]) -> _Value:
        """COALESCE: the first that is not NULL. GREATEST and LEAST skip NULLs, too: the only one left."""
        skipped = False
        for node in nodes:
            value = self._value(node)
            if not value.null:
                return _Value(value.null, value.cause, value.node or node, replaced=True) if skipped else value
            skipped = skipped or value.cause is not _Cause.FIXED
        return _Value(True, self._cause(*nodes))

    def _sub_link_value(self, node: Any) -> _Value:
        inner = scalar_of(node)
        if inner is not None:
            return self._value(inner)
        if node.sub_link_type == pg.EXPR_SUBLINK:
            return self._of_rows(unwrap(node.subselect))
        return _SOME if node.sub_link_type in (pg.ARRAY_SUBLINK, pg.EXISTS_SUBLINK) else _UNKNOWN

    def _call_value(self, node: Any) -> _Value:
        name = string_parts(node.funcname)
        if name in CALLER_FUNCTIONS:
            return _NO_CLAIM
        if name[-1] == "current_setting" and name[:-1] in ((), ("pg_catalog",)):
            return _NO_CLAIM if _is_claim_setting(node) else _SOME
        arguments = [unwrap(argument) for argument in node.args]
        helper = self._named(node)
        if helper is None:
            if name[-1] in ("concat", "concat_ws"):
                return self._concatenated(arguments)
            return _UNKNOWN if name[-1] in _IGNORE_NULL else self._strict(arguments)
        if self._is_strict_and_null(node):
            return self._strict(arguments)
        body = self._body(node)
        if body is None:
            return _NO_CLAIM if self._suspicious and self._may_ask_for_caller(helper) else _UNKNOWN
        return self._inside(node, lambda: self._of_rows(body) if kind(body) == "SelectStmt" else self._value(body))

    def _is_strict_and_null(self, call: Any) -> bool:
        helper = self._named(call)
        return helper is not None and helper.strict and self._strict([unwrap(a) for a in call.args]).null is True

    def _body(self, call: Any) -> Node | None:
        """What a helper returns, with the arguments of the call put in; None when it cannot be told."""
        helper = self._named(call)
        if helper is None:
            return None
        try:
            return self._calls.body(call, self._around, self._row_column)
        except UnreadableHelperError as error:
            if self._may_ask_for_caller(helper):
                self.unread[str(error)] = None
            return None

    def _may_ask_for_caller(self, helper: HelperFunction | None) -> bool:
        return helper is not None and _may_ask_for_caller(helper, self._terms.find_helper)

    def _inside(self, call: Any, evaluate: Callable[[], _T]) -> _T:
        """Evaluate something in the body of a helper, where only marked columns are those of the judged row."""
        scope, around, helper = self._scope, self._around, self._named(call)
        self._scope, self._around = None, (*around, *([helper] if helper else []))
        result = evaluate()
        self._scope, self._around = scope, around
        return result

    def _named(self, call: Any) -> HelperFunction | None:
        return self._calls.named(call, self._around[-1] if self._around else None)

    # -- causes ---------------------------------------------------------------------------------------------------------------
    def _cause_of_null(self, values: Iterable[_Value], nodes: Iterable[Node]) -> _Cause:
        causes = [value.cause for value in values if value.null]
        if _Cause.FIXED in causes:
            return _Cause.FIXED
        return _Cause.ABSENCE if _Cause.ABSENCE in causes else self._cause(*nodes)

    def _cause(self, *nodes: Node) -> _Cause:
        """Of what is NULL without claims: does it ask anything else than the caller?"""
        return _Cause.ABSENCE if any(_names_column(node) for node in nodes) else _Cause.CALLER

    def _names_row(self, node: Any) -> bool:
        return self._row_column(node) is not None or any(self._names_row(child) for child in children(node))

    def _row_column(self, node: Any) -> str | None:
        """The name of a column of the judged row, or None for anything else."""
        path = column_path(node)
        if path is None or path == OPAQUE:
            return None
        if path[0] == ROW:
            return path[1]
        if self._around:
            return None
        if self._scope is None:
            return path[-1] if len(path) == 1 or path[-2] == self._terms.relation else None
        return path[-1] if len(path) > 1 and path[-2] == self._terms.relation and path[-2] not in self._scope else None


def _names_column(node: Any) -> bool:
    return kind(node) == "ColumnRef" or any(_names_column(child) for child in children(node))


def _tested(sublink: Any) -> tuple[Node, ...]:
    tested = unwrap(sublink.testexpr)
    return tuple(unwrap(part) for part in tested.args) if kind(tested) == "RowExpr" else (tested,)


def _is_claim_setting(call: Any) -> bool:
    """A setting that may be missing: of an own name (with a dot), and not an error when it is."""
    name = constant_of(_uncast(unwrap(call.args[0]))) if len(call.args) else None
    missing = constant_of(_uncast(unwrap(call.args[1]))) if len(call.args) > 1 else None
    return bool(name and isinstance(name.value, str) and "." in name.value and missing and missing.value is True)


def _uncast(node: Any) -> Node:
    while kind(node) == "TypeCast":
        node = unwrap(node.arg)
    return node


def _may_ask_for_caller(helper: HelperFunction, find: FindHelper) -> bool:
    """It reads claims or settings, or calls what does. So may a language that is not read here; C and internal come with the server."""
    seen = {helper}
    waiting = [helper]
    while waiting:
        function = waiting.pop()
        try:
            facts = facts_of_function(function.language, function.body, function.definition)
        except SqlSyntaxError:
            return True
        if facts is None:
            if function.language in _COMPILED:
                continue
            return True
        if facts.claims or any(call.name in CALLER_FUNCTIONS or call.name[-1] == "current_setting" for call in facts.calls):
            return True
        called = {inner for call in facts.calls for inner in find(call.shape, function)} - seen
        seen |= called
        waiting += called
    return False


def _text(text: str) -> Node:
    return pg.A_Const(sval=pg.String(sval=text))


def _zero() -> Node:
    return parse_expression("0")
