"""What an expression or a query mentions: calls, relations, columns, JSON keys. One walk of the tree, memoised by text.

Facts say what stands where, not what it means: whether a policy is always true is for `truth`, whether it confines
rows to a tenant for `confinement`. A rule that finds nothing in the facts need not look at the tree at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.calls import CallShape, shape_of
from platformkit_pipeline.sqltext.parser import CACHE_SIZE, SqlSyntaxError, parse_expression, parse_statements, scalar_of

Path = tuple[str, ...]

CALLER_FUNCTIONS: frozenset[Path] = frozenset({("auth", "uid"), ("auth", "jwt"), ("auth", "role"), ("auth", "email")})
"""Functions of the platform that say who asks."""
ANY_KEY = "*"
"""Stands in a path for a key that is no constant, and in a column for every column (`t.*`)."""

TOKEN_SETTINGS = frozenset({"request.jwt.claims", "request.jwt.claim"})
"""Settings that hold the caller's whole token; `request.jwt.claim.<name>` holds one claim of it."""
_CLAIM_SETTING = "request.jwt.claim."
_TOKEN: Path = ("auth", "jwt")

_STEPPING = frozenset({"->", "->>", "#>", "#>>"})
_CONTAINING = frozenset({"@>", "<@", "?", "?|", "?&", "@?", "@@"})
_EXTRACTING = frozenset({"jsonb_extract_path_text", "json_extract_path_text", "jsonb_extract_path", "json_extract_path"})
_INDEXABLE = frozenset({"=", "<", "<=", ">", ">="})
_NULL_SAFE_FUNCTIONS = frozenset({"num_nulls", "num_nonnulls", "concat", "concat_ws", "format", "bool_or", "bool_and", "every", "count"})


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One call in the text."""

    name: Path
    """As printed, e.g. ("auth", "uid"), ("current_setting",)."""
    once: bool
    """Evaluated once per statement: it stands inside a sub-select that reads nothing of the row and gives one value,
    an array, or EXISTS. PostgreSQL makes an InitPlan of that."""
    in_lookup: bool
    """Stands inside `in (select ...)` that reads nothing of the row: run once, and its answer is kept (a hashed SubPlan)."""
    argument_texts: tuple[str | None, ...]
    """String constants among the arguments in order, None for others."""
    reads_columns: bool
    """An argument mentions a column, so the answer may differ from row to row."""
    shape: CallShape
    """What it shows of the function that it means."""


@dataclass(frozen=True, slots=True)
class ExpressionFacts:
    """See the fields; every name is as printed."""

    calls: tuple[FunctionCall, ...]
    relations: frozenset[Path]
    """Names in FROM clauses, and targets of statements; names that WITH clauses define are left out."""
    columns: frozenset[Path]
    """All column references, outermost and inner."""
    row_columns: frozenset[str]
    """Columns of the policy's own row that stand outside of any sub-select."""
    outer_columns: frozenset[Path]
    """References inside sub-selects to what the sub-selects do not read: to the row."""
    json_keys: frozenset[str]
    """String constants right of -> ->> #> #>>, arguments of jsonb_extract_path and its kin, and subscripts."""
    compared_columns: frozenset[str]
    """Columns of the own row that a top-level AND/OR comparison by `=`, `in`, `= any` or a range could use an index for.
    A column under a cast is no such column, nor one that is looked up by `in (select ...)`: PostgreSQL hashes that."""
    text_compared_columns: frozenset[str]
    """The same for columns under a cast to text, which an index serves if the column is varchar."""
    claims: frozenset[Path]
    """Paths below the caller's token that are read: ("app_metadata", "tenant_id"). () where the whole token is handed on."""
    helper_paths: frozenset[tuple[Path, Path]]
    """(function, path below what it returns) for JSON that another function returns."""
    strings: frozenset[str]
    """All string constants."""
    sub_selects: bool
    """There is a sub-select, be it only `(select auth.uid())`."""
    null_safe: bool
    """Some construct can make TRUE out of a NULL: IS NULL, COALESCE, DISTINCT FROM, CASE, NOT over a sub-select, and so on."""


@lru_cache(maxsize=CACHE_SIZE)
def facts_of(expression: str) -> ExpressionFacts:
    """Facts of one expression as `pg_get_expr` prints it. Raises SqlSyntaxError."""
    root = parse_expression(expression)
    walker = _Walker()
    try:
        walker.condition(root)
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    return walker.facts()


@lru_cache(maxsize=CACHE_SIZE)
def facts_of_query(sql: str) -> ExpressionFacts:
    """Facts of whole statements: a view definition, the body of an SQL function. Raises SqlSyntaxError."""
    walker = _Walker()
    try:
        for statement in parse_statements(sql):
            walker.node(statement)
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    return walker.facts()


def facts_together(several: Iterable[ExpressionFacts]) -> ExpressionFacts:
    """Facts of texts that belong together, e.g. the queries of one function body."""
    parts = list(several)

    def union(field: Callable[[ExpressionFacts], frozenset[Any]]) -> frozenset[Any]:
        return frozenset().union(*map(field, parts))

    return ExpressionFacts(
        calls=tuple(call for part in parts for call in part.calls),
        relations=union(lambda f: f.relations),
        columns=union(lambda f: f.columns),
        row_columns=union(lambda f: f.row_columns),
        outer_columns=union(lambda f: f.outer_columns),
        json_keys=union(lambda f: f.json_keys),
        compared_columns=union(lambda f: f.compared_columns),
        text_compared_columns=union(lambda f: f.text_compared_columns),
        claims=union(lambda f: f.claims),
        helper_paths=union(lambda f: f.helper_paths),
        strings=union(lambda f: f.strings),
        sub_selects=any(part.sub_selects for part in parts),
        null_safe=any(part.null_safe for part in parts),
    )


class _Frame:
    """One SELECT around the place that is being read."""

    __slots__ = ("aliases", "outer", "reads_outside", "sublink")

    def __init__(self, outer: _Frame | None, sublink: int) -> None:
        self.outer = outer
        self.sublink = sublink
        """How the SELECT is used: a SubLinkType, or 0 for one in FROM, WITH or a set operation."""
        self.aliases: set[str] = set()
        self.reads_outside = False


_ONCE = frozenset({pg.EXPR_SUBLINK, pg.ARRAY_SUBLINK, pg.EXISTS_SUBLINK, pg.ROWCOMPARE_SUBLINK})
_LOOKUP = frozenset({pg.ANY_SUBLINK, pg.ALL_SUBLINK})


class _Walker:
    """Collects facts. Fields of the commonest nodes are read by name; a generic walk of protobuf messages is three times slower."""

    def __init__(self) -> None:
        self._calls: list[tuple[_Frame | None, Path, tuple[str | None, ...], bool, CallShape]] = []
        self._column_references = 0
        self._relations: set[Path] = set()
        self._made: set[str] = set()
        self._columns: set[Path] = set()
        self._row_columns: set[str] = set()
        self._outer_columns: set[Path] = set()
        self._row_references = 0
        self._keys: set[str] = set()
        self._compared: set[str] = set()
        self._text_compared: set[str] = set()
        self._claims: set[Path] = set()
        self._helper_paths: set[tuple[Path, Path]] = set()
        self._strings: set[str] = set()
        self._sub_selects = False
        self._null_safe = False
        self._frame: _Frame | None = None
        self._sublink = 0

    def facts(self) -> ExpressionFacts:
        return ExpressionFacts(
            calls=tuple([FunctionCall(name, *_how_often(frame), texts, reads, shape) for frame, name, texts, reads, shape in self._calls]),
            relations=frozenset(name for name in self._relations if len(name) > 1 or name[0] not in self._made),
            columns=frozenset(self._columns),
            row_columns=frozenset(self._row_columns),
            outer_columns=frozenset(self._outer_columns),
            json_keys=frozenset(self._keys),
            compared_columns=frozenset(self._compared),
            text_compared_columns=frozenset(self._text_compared),
            claims=frozenset(self._claims),
            helper_paths=frozenset(self._helper_paths),
            strings=frozenset(self._strings),
            sub_selects=self._sub_selects,
            null_safe=self._null_safe,
        )

    # -- walking ------------------------------------------------------------------------------------------------------
    def node(self, node: Any) -> None:
        """Any node, wrapped or not."""
        if type(node) is pg.Node:
            which = node.WhichOneof("node")
            if which is None:
                return
            node = getattr(node, which)
        handler = _HANDLERS.get(type(node))
        if handler is None:
            self._fields(node)
        else:
            handler(self, node)

    def _fields(self, node: Any) -> None:
        for descriptor, value in node.ListFields():
            if descriptor.message_type is None:
                continue
            if descriptor.is_repeated:
                for item in value:
                    self.node(item)
            else:
                self.node(value)

    def condition(self, node: Any) -> None:
        """A condition outside of sub-selects whose comparisons an index might serve."""
        if type(node) is pg.Node:
            node = getattr(node, node.WhichOneof("node"))
        if type(node) is pg.BoolExpr and node.boolop != pg.NOT_EXPR:
            for part in node.args:
                self.condition(part)
        elif type(node) is pg.A_Expr:
            self._top_comparison(node)
        else:
            self.node(node)

    def _top_comparison(self, node: Any) -> None:
        operator = node.name[-1].string.sval
        is_in = node.kind in (pg.AEXPR_IN, pg.AEXPR_OP_ANY) and operator == "="
        if not is_in and node.kind != pg.AEXPR_BETWEEN and not (node.kind == pg.AEXPR_OP and operator in _INDEXABLE):
            self._operator(node)
            return
        before = self._row_references
        self.node(node.lexpr)
        between = self._row_references
        self.node(node.rexpr)
        if self._row_references == between:
            self._note_compared(node.lexpr)
        if before == between and node.kind == pg.AEXPR_OP:
            self._note_compared(node.rexpr)

    def _note_compared(self, wrapper: Any) -> None:
        if wrapper.HasField("column_ref"):
            self._compared.add(wrapper.column_ref.fields[-1].string.sval)
        elif wrapper.HasField("type_cast"):
            cast = wrapper.type_cast
            if cast.arg.HasField("column_ref") and cast.type_name.names[-1].string.sval == "text":
                self._text_compared.add(cast.arg.column_ref.fields[-1].string.sval)

    # -- kinds of nodes -----------------------------------------------------------------------------------------------
    def _column(self, node: Any) -> None:
        path = tuple([part.string.sval or ANY_KEY for part in node.fields])
        self._columns.add(path)
        self._column_references += 1
        frame = self._frame
        if frame is None:
            self._row_columns.add(path[-1])
            self._row_references += 1
            return
        # The server qualifies every name inside a sub-select; a bare one stands in a body that somebody wrote.
        qualifier = path[-2] if len(path) > 1 else None
        while frame is not None:
            if frame.aliases if qualifier is None else qualifier in frame.aliases:
                return
            frame.reads_outside = True
            frame = frame.outer
        self._outer_columns.add(path)
        self._row_references += 1

    def _constant(self, node: Any) -> None:
        if node.HasField("sval"):
            self._strings.add(node.sval.sval)

    def _type_cast(self, node: Any) -> None:
        self.node(node.arg)

    def _list(self, node: Any) -> None:
        for item in node.items:
            self.node(item)

    def _array(self, node: Any) -> None:
        for item in node.elements:
            self.node(item)

    def _boolean(self, node: Any) -> None:
        if node.boolop == pg.NOT_EXPR:
            self._null_safe = True
        for item in node.args:
            self.node(item)

    def _opening(self, node: Any) -> None:
        """IS NULL, COALESCE, CASE and so on: nodes that answer although something in them is NULL."""
        self._null_safe = True
        self._fields(node)

    def _operator(self, node: Any) -> None:
        operator = node.name[-1].string.sval
        if operator in _STEPPING:
            self._json(node)
            return
        if node.kind in (pg.AEXPR_DISTINCT, pg.AEXPR_NOT_DISTINCT) or (node.kind == pg.AEXPR_OP_ALL):
            self._null_safe = True
        if operator in _CONTAINING:
            self._contained(node)
        self.node(node.lexpr)
        self.node(node.rexpr)

    def _call(self, node: Any) -> None:
        if node.funcname[-1].string.sval in _EXTRACTING:
            self._json(node)
        else:
            self._source(node, ())

    def _walk_call(self, node: Any, name: Path) -> None:
        if name[-1] in _NULL_SAFE_FUNCTIONS:
            self._null_safe = True
        before = self._column_references
        for argument in node.args:
            self.node(argument)
        self._record_call(node, name, before)
        if node.agg_order or node.HasField("agg_filter") or node.HasField("over"):
            for item in node.agg_order:
                self.node(item)
            self.node(node.agg_filter)
            self._fields(node.over)

    def _record_call(self, node: Any, name: Path, before: int) -> None:
        """`before`: how many columns had been met when its arguments began."""
        texts = tuple([_text_of(argument) for argument in node.args])
        self._calls.append((self._frame, name, texts, self._column_references > before, shape_of(node)))

    def _json(self, node: Any, steps: list[str] | None = None) -> None:
        """A value that JSON keys are taken out of: goes down to where it comes from, and knows the whole path then.

        `steps` are the keys taken so far, the last one first. Casts, COALESCE, NULLIF and `(select x)` around JSON change
        nothing about where its keys come from.
        """
        steps = [] if steps is None else steps
        if type(node) is pg.Node:
            node = getattr(node, node.WhichOneof("node"))
        match type(node).__name__:
            case "A_Expr" if node.name[-1].string.sval in _STEPPING:
                is_path = node.name[-1].string.sval.startswith("#")
                self._json(node.lexpr, [*steps, *reversed(self._keys_of(node.rexpr, is_path=is_path))])
            case "A_Expr" if node.kind == pg.AEXPR_NULLIF:
                self._json(node.lexpr, steps)
                self.node(node.rexpr)
            case "CoalesceExpr":
                self._null_safe = True
                for argument in node.args:
                    self._json(argument, steps)
            case "FuncCall" if node.funcname[-1].string.sval in _EXTRACTING and len(node.args):
                name, before = tuple([part.string.sval for part in node.funcname]), self._column_references
                keys = [key for argument in node.args[1:] for key in self._keys_of(argument, is_path=False)]
                self._json(node.args[0], [*steps, *reversed(keys)])
                self._record_call(node, name, before)
            case "FuncCall":
                self._source(node, tuple(reversed(steps)))
            case "A_Indirection":
                keys = [key for i in node.indirection if i.HasField("a_indices") for key in self._keys_of(i.a_indices.uidx, is_path=False)]
                self._json(node.arg, [*steps, *reversed(keys)])
            case "TypeCast":
                self._json(node.arg, steps)
            case "SubLink" if (inner := scalar_of(node)) is not None:
                outer = self._frame
                self._frame, self._sub_selects = _Frame(outer, pg.EXPR_SUBLINK), True
                self._json(inner, steps)
                self._frame = outer
            case _:
                self._keys.update(step for step in steps if step != ANY_KEY)
                self.node(node)

    def _source(self, call: Any, path: Path) -> None:
        """A function whose JSON `path` goes down into."""
        self._keys.update(step for step in path if step != ANY_KEY)
        name = tuple([part.string.sval for part in call.funcname])
        claim = _claim_read_by(name, call)
        if claim is not None:
            self._claims.add(claim + path)
        elif path:
            self._helper_paths.add((name, path))
        self._walk_call(call, name)

    def _keys_of(self, wrapper: Any, *, is_path: bool) -> list[str]:
        """Keys in the order in which they are gone down by."""
        inner = wrapper
        while inner.HasField("type_cast"):
            inner = inner.type_cast.arg
        if inner.HasField("a_const"):
            constant = inner.a_const
            if constant.HasField("sval"):
                text = constant.sval.sval
                self._strings.add(text)
                return _path_in(text) if is_path else [text]
            return [str(constant.ival.ival)]
        if inner.HasField("a_array_expr"):
            return [key for item in inner.a_array_expr.elements for key in self._keys_of(item, is_path=False)]
        self.node(wrapper)
        return [ANY_KEY]

    def _contained(self, node: Any) -> None:
        """`auth.jwt() @> '{"role": "x"}'` and `profile ? 'key'` ask for keys as well."""
        text = _text_of(node.rexpr)
        if text is None:
            return
        try:
            document = json.loads(text)
        except ValueError:
            self._keys.add(text)
            return
        if isinstance(document, dict):
            self._keys.update(str(key) for key in document)

    def _indirection(self, node: Any) -> None:
        if any(item.HasField("a_indices") for item in node.indirection):
            self._json(node)
        else:
            self.node(node.arg)

    # -- sub-selects --------------------------------------------------------------------------------------------------
    def _sub_link(self, node: Any) -> None:
        if node.sub_link_type == pg.ALL_SUBLINK:
            self._null_safe = True
        self._sub_selects = True
        if node.HasField("testexpr"):
            self.node(node.testexpr)
        before, self._sublink = self._sublink, node.sub_link_type
        self.node(node.subselect)
        self._sublink = before

    def _select(self, node: Any) -> None:
        outer, sublink = self._frame, self._sublink
        frame = _Frame(outer, sublink)
        self._frame, self._sublink = frame, 0
        if node.HasField("with_clause"):
            for cte in node.with_clause.ctes:
                self._made.add(cte.common_table_expr.ctename)
        for item in node.from_clause:
            self._add_aliases(frame, item)
        for descriptor, value in node.ListFields():
            if descriptor.message_type is None:
                continue
            if descriptor.name == "target_list":
                for target in value:
                    self.node(target.res_target.val)
            elif descriptor.is_repeated:
                for item in value:
                    self.node(item)
            else:
                self.node(value)
        self._frame, self._sublink = outer, sublink

    def _add_aliases(self, frame: _Frame, wrapper: Any) -> None:
        which = wrapper.WhichOneof("node")
        item = getattr(wrapper, which)
        if which == "join_expr":
            self._add_aliases(frame, item.larg)
            self._add_aliases(frame, item.rarg)
        if which == "range_table_sample":
            self._add_aliases(frame, item.relation)
        elif item.HasField("alias"):
            frame.aliases.add(item.alias.aliasname)
        elif which == "range_var":
            frame.aliases.add(item.relname)
        elif which == "range_function":
            frame.aliases.update(
                part.list.items[0].func_call.funcname[-1].string.sval for part in item.functions if part.list.items[0].HasField("func_call")
            )

    def _range_variable(self, node: Any) -> None:
        self._relations.add((node.schemaname, node.relname) if node.schemaname else (node.relname,))

    def _nothing(self, _node: Any) -> None:
        """Names of types, aliases and other things that hold no expression."""


_HANDLERS: dict[type, Callable[[_Walker, Any], None]] = {
    pg.ColumnRef: _Walker._column,
    pg.A_Const: _Walker._constant,
    pg.TypeCast: _Walker._type_cast,
    pg.FuncCall: _Walker._call,
    pg.A_Expr: _Walker._operator,
    pg.BoolExpr: _Walker._boolean,
    pg.SubLink: _Walker._sub_link,
    pg.SelectStmt: _Walker._select,
    pg.RangeVar: _Walker._range_variable,
    pg.List: _Walker._list,
    pg.A_ArrayExpr: _Walker._array,
    pg.A_Indirection: _Walker._indirection,
    pg.NullTest: _Walker._opening,
    pg.BooleanTest: _Walker._opening,
    pg.CoalesceExpr: _Walker._opening,
    pg.CaseExpr: _Walker._opening,
    pg.MinMaxExpr: _Walker._opening,
    pg.TypeName: _Walker._nothing,
    pg.Alias: _Walker._nothing,
    pg.String: _Walker._nothing,
}


def _how_often(frame: _Frame | None) -> tuple[bool, bool]:
    """(once, in a look-up) for a call that stands in `frame`."""
    lookup = False
    while frame is not None:
        if not frame.reads_outside:
            if frame.sublink in _ONCE:
                return True, False
            lookup = lookup or frame.sublink in _LOOKUP
        frame = frame.outer
    return False, lookup


def _claim_read_by(name: Path, call: Any) -> Path | None:
    """The path below the token that this call returns, () for all of it; None when it returns something else."""
    if name == _TOKEN:
        return ()
    if name[-1] == "current_setting" and name[:-1] in ((), ("pg_catalog",)) and len(call.args):
        setting = _text_of(call.args[0])
        if setting in TOKEN_SETTINGS:
            return ()
        if setting is not None and setting.startswith(_CLAIM_SETTING):
            return (setting.removeprefix(_CLAIM_SETTING),)
    return None


def _text_of(wrapper: Any) -> str | None:
    """The string constant that an argument is, through casts."""
    while wrapper.HasField("type_cast"):
        wrapper = wrapper.type_cast.arg
    if wrapper.HasField("a_const") and wrapper.a_const.HasField("sval"):
        return str(wrapper.a_const.sval.sval)
    return None


def _inside(wrapper: Any) -> Any:
    return getattr(wrapper, wrapper.WhichOneof("node"))


def _path_in(text: str) -> list[str]:
    """`{a,b}` as the keys a and b."""
    inside = text.strip().removeprefix("{").removesuffix("}")
    return [step.strip().strip('"') for step in inside.split(",")] if inside else []
