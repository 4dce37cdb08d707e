"""Does a policy expression confine rows to the caller's tenant (clause 5.1)?

An expression confines when it can be true only for rows whose tenant column equals the caller's tenant claim. The
claim counts wherever the server puts it (`auth.jwt()`, `request.jwt.claims`), also below `app_metadata`, inside a
scalar sub-select, or behind a helper function that returns it; `user_metadata` does not count, because users edit it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.functions import returned_by_plpgsql, returned_by_sql, select_of_sql
from platformkit_pipeline.sqltext.parser import (
    Node,
    SqlSyntaxError,
    bare,
    children,
    column_path,
    constant_of,
    kind,
    operator_of,
    parse_expression,
    string_parts,
    unwrap,
    value_of_select,
)
from platformkit_pipeline.sqltext.truth import Truth, fold

MAX_HELPER_DEPTH = 5
"""Helpers may call helpers; deeper chains are reported as undecidable instead of followed."""


class Confinement(Enum):
    """UNDECIDABLE: a helper could not be read, or rows are looked up in a table that nobody declared."""

    CONFINED = "confined"
    OPEN = "open"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True)
class HelperFunction:
    """A function that a policy calls, as far as it could be read."""

    language: str
    body: str | None
    """`prosrc`, or the deparsed body of BEGIN ATOMIC and RETURN functions; None when unreadable."""
    definition: str | None
    """The whole CREATE FUNCTION, needed for PL/pgSQL."""
    argument_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TenantTerms:
    """What counts as tenant column, claim and membership table for one table's policies."""

    relation: str
    column: str
    claim: str
    membership_tables: frozenset[str] = frozenset()
    """Tables that map users to tenants, as `schema.name` and as bare `name` where that is unambiguous."""
    find_helper: Callable[[tuple[str, ...]], HelperFunction | None] = field(default=lambda _name: None)
    """Looks a function up by the parts of its name; None when it was not observed."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer, and for UNDECIDABLE the reason in words."""

    confinement: Confinement
    reason: str = ""


_CONFINED = Judgement(Confinement.CONFINED)
_OPEN = Judgement(Confinement.OPEN)


def judge_expression(expression: str, terms: TenantTerms) -> Judgement:
    """Judge the text of a USING or WITH CHECK expression. Text that does not parse is UNDECIDABLE."""
    try:
        return _Judge(terms).condition(parse_expression(expression))
    except SqlSyntaxError as error:
        return Judgement(Confinement.UNDECIDABLE, f"the expression does not parse: {error}")


def all_of(judgements: Iterable[Judgement]) -> Judgement:
    """Conjunction: one confining part is enough."""
    return _first(judgements, Confinement.CONFINED, Confinement.UNDECIDABLE) or _OPEN


def any_of(judgements: Iterable[Judgement]) -> Judgement:
    """Disjunction: every branch must confine."""
    return _first(judgements, Confinement.OPEN, Confinement.UNDECIDABLE) or _CONFINED


def _first(judgements: Iterable[Judgement], *order: Confinement) -> Judgement | None:
    listed = list(judgements)
    return next((j for wanted in order for j in listed if j.confinement is wanted), None)


def _undecidable(reason: str) -> Judgement:
    return Judgement(Confinement.UNDECIDABLE, reason)


class _Judge:
    """Walks one expression; `column_names` are the names under which the tenant column is known at this level."""

    def __init__(
        self, terms: TenantTerms, *, depth: int = 0, parameters: frozenset[str] = frozenset(), inside_helper: bool = False
    ) -> None:
        self._terms = terms
        self._depth = depth
        self._parameters = parameters
        self._inside_helper = inside_helper

    # -- conditions -------------------------------------------------------------------------------------------------
    def condition(self, node: Any) -> Judgement:
        if fold(node) in (Truth.FALSE, Truth.NULL):
            return _CONFINED
        match kind(node):
            case "BoolExpr" if node.boolop == pg.AND_EXPR:
                return all_of(self.condition(unwrap(part)) for part in node.args)
            case "BoolExpr" if node.boolop == pg.OR_EXPR:
                return any_of(self.condition(unwrap(part)) for part in node.args)
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
            case "TypeCast":
                return self.condition(unwrap(node.arg))
            case _:
                return _OPEN

    def _comparison(self, node: Any) -> Judgement:
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        match node.kind:
            case pg.AEXPR_OP | pg.AEXPR_NOT_DISTINCT if node.kind == pg.AEXPR_NOT_DISTINCT or operator_of(node) == "=":
                if self._is_column(left):
                    return self._claim(right)
                return self._claim(left) if self._is_column(right) else _OPEN
            case pg.AEXPR_IN if operator_of(node) == "=" and self._is_column(left):
                return any_of(self._claim(unwrap(item)) for item in unwrap(node.rexpr).items)
            case pg.AEXPR_OP_ANY if operator_of(node) == "=" and self._is_column(left):
                return self._set_of_tenants(right)
            case _:
                return _OPEN

    def _set_of_tenants(self, node: Any) -> Judgement:
        value = bare(node)
        match kind(value):
            case "A_ArrayExpr":
                return any_of(self._claim(unwrap(item)) for item in value.elements)
            case "SubLink":
                return self._tenants_of_select(unwrap(value.subselect))
            case _:
                return self._claim(value)

    def _sublink(self, node: Any) -> Judgement:
        select = unwrap(node.subselect)
        match node.sub_link_type:
            case pg.EXPR_SUBLINK:
                inner = value_of_select(select)
                return self.condition(inner) if inner is not None else self._correlated(select)
            case pg.ANY_SUBLINK if self._is_column(unwrap(node.testexpr)):
                return self._tenants_of_select(select)
            case pg.EXISTS_SUBLINK | pg.ANY_SUBLINK:
                return self._correlated(select)
            case _:
                return _OPEN

    def _tenants_of_select(self, select: Any) -> Judgement:
        """`tenant_id in (select ...)`: the claim itself, a helper's rows, or a membership look-up."""
        value = value_of_select(select)
        if value is not None:
            return self._claim(value)
        sources = list(select.from_clause) if kind(select) == "SelectStmt" else []
        if len(sources) == 1 and sources[0].WhichOneof("node") == "range_function":
            call = unwrap(unwrap(sources[0]).functions[0].list.items[0])
            return self._claim(call)
        return self._looked_up(select)

    def _correlated(self, select: Any) -> Judgement:
        """As `_looked_up`, for a sub-select that must name the row's tenant itself: being a member of *some* tenant is not enough."""
        if self._names_row_tenant(select):
            return self._looked_up(select)
        if self._names_row(select) and (_reads_caller(select) or self._mentions_claim(select)):
            return _undecidable(
                f"rows are reached through {', '.join(sorted(_tables(select)))}, not by their own column {self._terms.column}"
            )
        return _OPEN

    def _names_row(self, node: Any) -> bool:
        path = column_path(node)
        if path is not None and not self._inside_helper and len(path) > 1 and path[-2] == self._terms.relation:
            return True
        return any(self._names_row(child) for child in children(node))

    def _names_row_tenant(self, node: Any) -> bool:
        path = column_path(node)
        if path is not None and not self._inside_helper and len(path) > 1 and path[-2:] == (self._terms.relation, self._terms.column):
            return True
        if self._inside_helper and self._is_column(node):
            return True
        return any(self._names_row_tenant(child) for child in children(node))

    def _looked_up(self, select: Any) -> Judgement:
        """A sub-select over tables confines when a declared membership table is searched for the caller."""
        tables = _tables(select)
        if not tables or not (_reads_caller(select) or self._mentions_claim(select)):
            return _OPEN
        if tables & self._terms.membership_tables:
            return _CONFINED
        names = ", ".join(sorted(tables))
        return _undecidable(f"rows are looked up in {names}; declare it under tenancy.membership_tables if it maps users to tenants")

    def _predicate(self, call: Any) -> Judgement:
        """`is_member_of(tenant_id)`: read the helper with its argument standing for the tenant column."""
        name = string_parts(call.funcname)
        passed = [position for position, argument in enumerate(call.args) if self._is_column(unwrap(argument))]
        if not passed:
            return self._helper_condition(name, frozenset()) if self._terms.find_helper(name) else _OPEN
        helper = self._terms.find_helper(name)
        if helper is None:
            return _undecidable(f"the function {'.'.join(name)} could not be read")
        names = {f"${position + 1}" for position in passed}
        names |= {helper.argument_names[position] for position in passed if position < len(helper.argument_names)}
        return self._helper_condition(name, frozenset(names))

    def _helper_condition(self, name: tuple[str, ...], parameters: frozenset[str]) -> Judgement:
        if self._depth >= MAX_HELPER_DEPTH:
            return _undecidable(f"the function {'.'.join(name)} calls too deep a chain of helpers")
        helper = self._terms.find_helper(name)
        returned = _returned(helper) if helper else None
        if isinstance(returned, str):
            return _undecidable(f"the function {'.'.join(name)} {returned}")
        inner = _Judge(self._terms, depth=self._depth + 1, parameters=parameters, inside_helper=True)
        if returned is not None:
            return inner.condition(returned)
        select = _select(helper) if helper else None
        if select is not None:
            return inner._correlated(select)
        return _undecidable(f"the function {'.'.join(name)} could not be read as one expression")

    # -- values -----------------------------------------------------------------------------------------------------
    def _is_column(self, node: Any) -> bool:
        node = bare(node)
        if kind(node) == "ParamRef":
            return f"${node.number}" in self._parameters
        path = column_path(node)
        if path is None:
            return False
        if self._inside_helper:
            return len(path) == 1 and path[0] in self._parameters
        return path[-1] == self._terms.column and (len(path) == 1 or path[-2] == self._terms.relation)

    def _claim(self, node: Any) -> Judgement:
        """CONFINED when the value is the caller's tenant claim."""
        value = bare(node)
        match kind(value):
            case "A_Expr" if value.kind == pg.AEXPR_NULLIF:
                return self._claim(unwrap(value.lexpr))
            case "A_Expr" | "A_Indirection":
                return _CONFINED if _claim_path(value) in self._claim_paths() else _OPEN
            case "CoalesceExpr":
                return any_of(self._claim(unwrap(argument)) for argument in value.args)
            case "FuncCall":
                return self._claim_function(value)
            case "SubLink" if value.sub_link_type in (pg.EXPR_SUBLINK, pg.ARRAY_SUBLINK):
                return self._tenants_of_select(unwrap(value.subselect))
            case _:
                return _OPEN

    def _claim_paths(self) -> tuple[tuple[str, ...], ...]:
        return (self._terms.claim,), ("app_metadata", self._terms.claim)

    def _claim_function(self, call: Any) -> Judgement:
        name = string_parts(call.funcname)
        if name[-1] == "current_setting":
            setting = constant_of(bare(unwrap(call.args[0]))) if len(call.args) else None
            return _CONFINED if setting and setting.value == f"request.jwt.claim.{self._terms.claim}" else _OPEN
        if name[-1] in ("jsonb_extract_path_text", "json_extract_path_text", "jsonb_extract_path", "json_extract_path"):
            return _CONFINED if _claim_path(call) in self._claim_paths() else _OPEN
        if name[:-1] == ("auth",) and name[-1] in ("uid", "role", "email", "jwt"):
            return _OPEN
        helper = self._terms.find_helper(name)
        if helper is None:
            return _OPEN if name[:-1] == ("pg_catalog",) else _undecidable(f"the function {'.'.join(name)} could not be read")
        if self._depth >= MAX_HELPER_DEPTH:
            return _undecidable(f"the function {'.'.join(name)} calls too deep a chain of helpers")
        inner = _Judge(self._terms, depth=self._depth + 1, parameters=self._parameters, inside_helper=True)
        returned = _returned(helper)
        if isinstance(returned, str):
            return _undecidable(f"the function {'.'.join(name)} {returned}")
        if returned is not None:
            return inner._claim(returned)
        select = _select(helper)
        return (
            inner._tenants_of_select(select)
            if select is not None
            else _undecidable(f"the function {'.'.join(name)} is more than one expression")
        )

    def _mentions_claim(self, node: Any) -> bool:
        if _claim_path(node) in self._claim_paths():
            return True
        return any(self._mentions_claim(child) for child in children(node))


def _returned(helper: HelperFunction) -> Any:
    """What the helper returns; a string says why it cannot be told; None when it is no single expression."""
    try:
        if helper.language == "sql":
            return returned_by_sql(helper.body) if helper.body else "has no readable body"
        if helper.language == "plpgsql":
            return returned_by_plpgsql(helper.definition) if helper.definition else "has no readable definition"
    except SqlSyntaxError:
        return "has a body that does not parse"
    return f"is written in {helper.language}"


def _select(helper: HelperFunction) -> Node | None:
    if helper.language != "sql" or not helper.body:
        return None
    try:
        return select_of_sql(helper.body)
    except SqlSyntaxError:
        return None


def _claim_path(node: Any) -> tuple[str, ...] | None:
    """`auth.jwt() -> 'app_metadata' ->> 'tenant_id'` as ("app_metadata", "tenant_id"); None for other values."""
    node = bare(node)
    match kind(node):
        case "FuncCall":
            return _claim_root(node)
        case "A_Indirection":
            base = _claim_path(unwrap(node.arg))
            keys = [constant_of(bare(unwrap(unwrap(step).uidx))) for step in node.indirection if step.WhichOneof("node") == "a_indices"]
            if base is None or len(keys) != len(node.indirection) or not all(keys):
                return None
            return base + tuple(str(key.value) for key in keys if key)
        case "A_Expr" if operator_of(node) in ("->", "->>", "#>", "#>>"):
            base = _claim_path(unwrap(node.lexpr))
            key = bare(unwrap(node.rexpr))
            if base is None:
                return None
            steps = _path_steps(key, is_path=operator_of(node).startswith("#"))
            return base + steps if steps else None
        case _:
            return None


def _path_steps(key: Any, *, is_path: bool) -> tuple[str, ...]:
    if kind(key) == "A_ArrayExpr":
        constants = [constant_of(bare(unwrap(item))) for item in key.elements]
        return tuple(str(c.value) for c in constants if c) if all(constants) else ()
    constant = constant_of(key)
    if constant is None or not isinstance(constant.value, str):
        return ()
    return tuple(constant.value.strip("{}").split(",")) if is_path else (constant.value,)


def _claim_root(call: Any) -> tuple[str, ...] | None:
    """() for the claims object itself, the path for `jsonb_extract_path_text(claims, ...)`."""
    name = string_parts(call.funcname)
    if name in (("auth", "jwt"), ("jwt",)):
        return ()
    if name[-1] == "current_setting" and len(call.args):
        setting = constant_of(bare(unwrap(call.args[0])))
        return () if setting and setting.value == "request.jwt.claims" else None
    if name[-1] in ("jsonb_extract_path_text", "json_extract_path_text", "jsonb_extract_path", "json_extract_path") and len(call.args) > 1:
        base = _claim_path(unwrap(call.args[0]))
        keys = [constant_of(bare(unwrap(argument))) for argument in call.args[1:]]
        return base + tuple(str(k.value) for k in keys if k) if base is not None and all(keys) else None
    if name[-1] in ("nullif", "coalesce") and len(call.args):
        return _claim_path(unwrap(call.args[0]))
    return None


def _reads_caller(node: Any) -> bool:
    """The sub-tree asks who is calling: `auth.uid()`, or the `sub` claim."""
    if kind(node) == "FuncCall" and string_parts(node.funcname)[-1] == "uid":
        return True
    if _claim_path(node) == ("sub",):
        return True
    return any(_reads_caller(child) for child in children(node))


def _tables(node: Any) -> set[str]:
    """Tables that the sub-tree reads, as `schema.name`, or `name` where it is not qualified."""
    found: set[str] = set()
    if kind(node) == "RangeVar":
        found.add(f"{node.schemaname}.{node.relname}" if node.schemaname else str(node.relname))
    for child in children(node):
        found |= _tables(child)
    return found
