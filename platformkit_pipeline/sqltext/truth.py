"""Is an expression always true? Three-valued constant folding over PostgreSQL's own parse tree.

The answer is about the shape of the expression alone: tables, functions and column contents are unknown, so
`tenant_id = tenant_id` counts as true although a NULL would make it NULL.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import (
    CACHE_SIZE,
    Constant,
    Node,
    aggregates,
    bare,
    calls_a_function,
    children,
    constant_of,
    kind,
    operator_of,
    parse_expression,
    same,
    scalar_of,
    string_parts,
    text_bytes,
    unwrap,
)


class Truth(Enum):
    """What an expression evaluates to whatever the row is; OPEN when that depends on the row or the caller."""

    TRUE = "true"
    FALSE = "false"
    NULL = "null"
    OPEN = "open"


_TRUE_TEXTS = frozenset({"t", "tr", "tru", "true", "y", "ye", "yes", "on", "1"})
_FALSE_TEXTS = frozenset({"f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0"})
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_REPEATABLE_FUNCTIONS = frozenset(
    {
        *((*schema, name) for schema in ((), ("pg_catalog",)) for name in ("lower", "upper", "btrim", "current_setting")),
        *(("auth", name) for name in ("uid", "jwt", "role", "email")),
    }
)
_TRUE_WHEN_EQUAL = frozenset({"=", "<=", ">=", "~~", "~~*"})
_NEGATED = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.NULL: Truth.NULL, Truth.OPEN: Truth.OPEN}


@lru_cache(maxsize=CACHE_SIZE)
def truth_of(expression: str) -> Truth:
    """Fold the text of one boolean expression. Raises SqlSyntaxError."""
    return fold(parse_expression(expression))


@lru_cache(maxsize=CACHE_SIZE)
def is_tautology(expression: str) -> bool:
    """True when the expression lets every row through. Raises SqlSyntaxError."""
    return not _plainly_open(parse_expression(expression)) and truth_of(expression) is Truth.TRUE


def _plainly_open(node: Any) -> bool:
    """`column = something else`, `f(x)`, or such a condition AND others: no tautology, and that is soon seen."""
    match kind(node):
        case "A_Expr":
            return bool(
                node.kind == pg.AEXPR_OP
                and node.lexpr.HasField("column_ref")
                and node.name[-1].string.sval == "="
                and _is_no_column(node.rexpr)
            )
        case "BoolExpr":
            return node.boolop == pg.AND_EXPR and any(_plainly_open(unwrap(part)) for part in node.args)
        case "FuncCall" | "ColumnRef":
            return True
        case _:
            return False


def _is_no_column(wrapper: Any) -> bool:
    """Another value than a column, also inside of `(select x)`."""
    if wrapper.HasField("sub_link"):
        targets = wrapper.sub_link.subselect.select_stmt.target_list
        return len(targets) == 1 and _is_no_column(targets[0].res_target.val)
    return not wrapper.HasField("column_ref")


def never_true(expression: str) -> bool:
    """True when the expression lets no row through. Raises SqlSyntaxError."""
    return truth_of(expression) in (Truth.FALSE, Truth.NULL)


def fold(node: Node) -> Truth:
    """Truth of a parse-tree node in boolean position."""
    handler = _HANDLERS.get(kind(node))
    return handler(node) if handler else Truth.OPEN


def _constant(node: Any) -> Truth:
    constant = constant_of(node)
    return _as_boolean(constant) if constant else Truth.OPEN


def _as_boolean(constant: Constant) -> Truth:
    match constant.value:
        case None:
            return Truth.NULL
        case bool() as value:
            return Truth.TRUE if value else Truth.FALSE
        case int() as number:
            return Truth.TRUE if number else Truth.FALSE
        case str() as text if text.strip().lower() in _TRUE_TEXTS:
            return Truth.TRUE
        case str() as text if text.strip().lower() in _FALSE_TEXTS:
            return Truth.FALSE
        case _:
            return Truth.OPEN


def _cast(node: Any) -> Truth:
    return fold(unwrap(node.arg))


def _boolean(node: Any) -> Truth:
    if node.boolop == pg.NOT_EXPR:
        return _NEGATED[fold(unwrap(node.args[0]))]
    parts = _flat(node, node.boolop)
    values = [fold(part) for part in parts]
    if node.boolop == pg.AND_EXPR:
        if Truth.FALSE in values:
            return Truth.FALSE
        return _dominant(values, Truth.TRUE)
    if Truth.TRUE in values or _covers_everything(parts):
        return Truth.TRUE
    return _dominant(values, Truth.FALSE)


def _dominant(values: Iterable[Truth], neutral: Truth) -> Truth:
    left = {value for value in values if value is not neutral}
    if not left:
        return neutral
    return Truth.NULL if left == {Truth.NULL} else Truth.OPEN


def _flat(node: Any, operator_kind: Any) -> list[Node]:
    """Operands of an AND or OR, those of the same kind below it included."""
    if kind(node) != "BoolExpr" or node.boolop != operator_kind:
        return [node]
    return [part for argument in node.args for part in _flat(unwrap(argument), operator_kind)]


def _covers_everything(disjuncts: list[Node]) -> bool:
    """`x is null or x is not null`, `p or not p`. Compared by their bytes: a policy may have thousands of disjuncts."""
    null_tests: dict[bytes, set[int]] = {}
    for node in disjuncts:
        if kind(node) == "NullTest":
            null_tests.setdefault(text_bytes(node.arg), set()).add(node.nulltesttype)
    if any(len(kinds) > 1 for kinds in null_tests.values()):
        return True
    negations = [unwrap(node.args[0]) for node in disjuncts if kind(node) == "BoolExpr" and node.boolop == pg.NOT_EXPR]
    negated = {(kind(inner), text_bytes(inner)) for inner in negations if _repeatable(inner)}
    return bool(negated) and any((kind(node), text_bytes(node)) in negated for node in disjuncts)


def _operator(node: Any) -> Truth:
    match node.kind:
        case pg.AEXPR_OP | pg.AEXPR_LIKE | pg.AEXPR_ILIKE:
            return compare(operator_of(node), unwrap(node.lexpr), unwrap(node.rexpr))
        case pg.AEXPR_NOT_DISTINCT:
            return _equality(node, when_equal=Truth.TRUE)
        case pg.AEXPR_DISTINCT:
            return _equality(node, when_equal=Truth.FALSE)
        case pg.AEXPR_IN:
            return _membership(node)
        case pg.AEXPR_OP_ANY if operator_of(node) == "=":
            return _any_of_array(node)
        case pg.AEXPR_BETWEEN:
            low, high = (unwrap(bound) for bound in unwrap(node.rexpr).items)
            value = unwrap(node.lexpr)
            bounds = {compare(">=", value, low), compare("<=", value, high)}
            return Truth.TRUE if bounds == {Truth.TRUE} else Truth.FALSE if Truth.FALSE in bounds else Truth.OPEN
        case _:
            return Truth.OPEN


def compare(name: str, left: Node, right: Node) -> Truth:
    """Truth of `left <name> right` for a built-in operator."""
    a, b = constant_of(bare(left)), constant_of(bare(right))
    if (a and a.value is None) or (b and b.value is None):
        return Truth.NULL
    if name in {"~~", "~~*"} and b and isinstance(b.value, str) and b.value and set(b.value) == {"%"}:
        return Truth.TRUE
    if _identical(left, right):
        if name in _TRUE_WHEN_EQUAL:
            return Truth.TRUE
        if name in _COMPARISONS:
            return Truth.FALSE
    if a and b:
        return _compare_constants(name, _Typed(a.value, _cast_type(left)), _Typed(b.value, _cast_type(right)))
    if name in {"=", "<>", "!="}:
        return _compare_with_boolean(name, left, right)
    return Truth.OPEN


@dataclass(frozen=True, slots=True)
class _Typed:
    """A literal and the type it is cast to; "" without a cast, None for a cast that may change what it equals."""

    value: Any
    type: str | None


_EXACT = 2.0**53
"""Below, a float holds every whole number."""
_NUMBERS = frozenset({"int2", "int4", "int8", "numeric", "float8"})
_TEXTS = frozenset({"text", "varchar"})


def _cast_type(node: Node) -> str | None:
    node = _inside_select(node)
    if kind(node) != "TypeCast":
        return ""
    inner, own = _cast_type(unwrap(node.arg)), str(string_parts(node.type_name.names)[-1])
    plain = not len(node.type_name.typmods) and not len(node.type_name.array_bounds)
    return own if plain and inner in ("", own) else None


def _compare_constants(name: str, a: _Typed, b: _Typed) -> Truth:
    """Only where Python and the server surely agree: numbers, booleans, and equality of text."""
    if name not in _COMPARISONS:
        return Truth.OPEN
    compare, types = _COMPARISONS[name], {a.type, b.type} - {""}
    if isinstance(a.value, bool) or isinstance(b.value, bool):
        known = not types - {"bool"} and type(a.value) is type(b.value)
        return _of(compare(a.value, b.value)) if known else Truth.OPEN
    if isinstance(a.value, str) and isinstance(b.value, str) and not types - _TEXTS:
        return _of(compare(a.value, b.value)) if name in ("=", "<>", "!=") else Truth.OPEN
    one, two = _number(a), _number(b)
    if one is None or two is None or (isinstance(a.value, str) and isinstance(b.value, str) and None in types):
        return Truth.OPEN
    return _of(compare(one, two))


def _number(constant: _Typed) -> float | None:
    """The number that a literal is; None where its cast may round it, or it is none."""
    if constant.type not in {"", *_NUMBERS} or not isinstance(constant.value, (int, float, str)):
        return None
    try:
        number = float(constant.value)
    except ValueError:
        return None
    if not abs(number) < _EXACT:  # NaN, too
        return None
    return None if constant.type.startswith("int") and number != int(number) else number


def _of(value: bool) -> Truth:
    return Truth.TRUE if value else Truth.FALSE


def _compare_with_boolean(name: str, left: Node, right: Node) -> Truth:
    """`(1 = 1) = true`: both sides fold."""
    a, b = fold(left), fold(right)
    if Truth.OPEN in (a, b) or Truth.NULL in (a, b):
        return Truth.OPEN
    return Truth.TRUE if (a is b) == (name == "=") else Truth.FALSE


def _equality(node: Any, *, when_equal: Truth) -> Truth:
    left, right = unwrap(node.lexpr), unwrap(node.rexpr)
    a, b = constant_of(bare(left)), constant_of(bare(right))
    if _identical(left, right):
        return when_equal
    if not a or not b:
        return Truth.OPEN
    if a.value is None or b.value is None:
        return when_equal if a.value is b.value else _NEGATED[when_equal]
    equal = compare("=", left, right)
    return when_equal if equal is Truth.TRUE else _NEGATED[when_equal] if equal is Truth.FALSE else Truth.OPEN


def _membership(node: Any) -> Truth:
    items = [unwrap(item) for item in unwrap(node.rexpr).items]
    return _one_of(unwrap(node.lexpr), items, negated=operator_of(node) == "<>")


def _any_of_array(node: Any) -> Truth:
    array = bare(unwrap(node.rexpr))
    if kind(array) != "A_ArrayExpr":
        return Truth.OPEN
    return _one_of(unwrap(node.lexpr), [unwrap(item) for item in array.elements], negated=False)


def _one_of(value: Node, items: list[Node], *, negated: bool) -> Truth:
    found = [compare("=", value, item) for item in items]
    result = Truth.TRUE if Truth.TRUE in found else Truth.FALSE if set(found) == {Truth.FALSE} else Truth.OPEN
    return _NEGATED[result] if negated else result


def _null_test(node: Any) -> Truth:
    constant = constant_of(bare(unwrap(node.arg)))
    if constant is None:
        return Truth.OPEN
    return Truth.TRUE if (constant.value is None) == (node.nulltesttype == pg.IS_NULL) else Truth.FALSE


def _boolean_test(node: Any) -> Truth:
    value = fold(unwrap(node.arg))
    if value is Truth.OPEN:
        return Truth.OPEN
    wanted = {
        pg.IS_TRUE: value is Truth.TRUE,
        pg.IS_NOT_TRUE: value is not Truth.TRUE,
        pg.IS_FALSE: value is Truth.FALSE,
        pg.IS_NOT_FALSE: value is not Truth.FALSE,
        pg.IS_UNKNOWN: value is Truth.NULL,
        pg.IS_NOT_UNKNOWN: value is not Truth.NULL,
    }
    return Truth.TRUE if wanted.get(node.booltesttype, False) else Truth.FALSE


def _sublink(node: Any) -> Truth:
    if node.sub_link_type == pg.EXISTS_SUBLINK:
        return _exists(unwrap(node.subselect))
    inner = scalar_of(node)
    return fold(inner) if inner is not None else Truth.OPEN


def _exists(select: Any) -> Truth:
    """`exists (select 1)` without a table: one row, unless its WHERE says otherwise. An aggregate: one row, whatever it reads."""
    if kind(select) != "SelectStmt" or len(select.values_lists) or select.HasField("larg"):
        return Truth.OPEN
    if select.HasField("limit_count") or select.HasField("limit_offset") or select.HasField("having_clause") or len(select.group_clause):
        return Truth.OPEN
    if any(aggregates(unwrap(target)) for target in select.target_list):
        return Truth.TRUE
    if len(select.from_clause) or any(calls_a_function(unwrap(target)) for target in select.target_list):
        return Truth.OPEN
    if not select.HasField("where_clause"):
        return Truth.TRUE
    condition = fold(unwrap(select.where_clause))
    return Truth.FALSE if condition is Truth.NULL else condition


def _coalesce(node: Any) -> Truth:
    for argument in node.args:
        value = fold(unwrap(argument))
        if value is not Truth.NULL:
            return value
    return Truth.NULL


def _case(node: Any) -> Truth:
    """A searched CASE is true when every branch that can be reached is."""
    if node.HasField("arg"):
        return Truth.OPEN
    reachable: set[Truth] = set()
    for branch in node.args:
        when = unwrap(branch)
        condition = fold(unwrap(when.expr))
        if condition in (Truth.FALSE, Truth.NULL):
            continue
        reachable.add(fold(unwrap(when.result)))
        if condition is Truth.TRUE:
            break
    else:
        reachable.add(fold(unwrap(node.defresult)) if node.HasField("defresult") else Truth.NULL)
    return reachable.pop() if len(reachable) == 1 else Truth.OPEN


def _identical(left: Node, right: Node) -> bool:
    """The same value on both sides. A cast on one side only may change the value (`at::date = at`), so casts must agree."""
    one, two = _inside_select(left), _inside_select(right)
    return same(one, two) and _repeatable(one)


def _inside_select(node: Node) -> Node:
    while kind(node) == "SubLink" and (inner := scalar_of(node)) is not None:
        node = inner
    return node


def _repeatable(node: Node) -> bool:
    """Evaluating twice gives the same value: no function call that might be volatile."""
    if kind(node) == "FuncCall" and string_parts(node.funcname) not in _REPEATABLE_FUNCTIONS:
        return False
    return all(_repeatable(child) for child in children(node))


_HANDLERS: dict[str, Callable[[Any], Truth]] = {
    "A_Const": _constant,
    "TypeCast": _cast,
    "CollateClause": _cast,
    "BoolExpr": _boolean,
    "A_Expr": _operator,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "SubLink": _sublink,
    "CoalesceExpr": _coalesce,
    "CaseExpr": _case,
}
