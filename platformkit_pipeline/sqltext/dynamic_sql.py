"""Does a function put what its caller sends into SQL that it then executes, by EXECUTE or by a call of what executes text?

The body is read once from the top, keeping for every variable what of the caller's it may hold: branches are joined, loops
are read twice, a variable that is given something harmless is harmless from there on. What the caller sends are the
arguments, the row that fired a trigger, and the claims and headers of a request.

Harmless are values of types that cannot carry SQL (numbers, uuid, regclass), what went through `quote_ident`,
`quote_literal` or `format` with %I and %L, and a value that was compared with a list of constants before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import postgast
from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.executing_calls import NOTHING, Executes, call_of, executed_by_built_in
from platformkit_pipeline.sqltext.functions import statements_of_sql
from platformkit_pipeline.sqltext.parser import (
    Node,
    SqlSyntaxError,
    children,
    constant_of,
    kind,
    parse_expression,
    parse_plpgsql,
    parse_statement,
    parse_statements,
    string_parts,
    unwrap,
)

MAX_STEPS = 50_000
"""Statements read in one function; the body of a loop is read twice, and so is each loop in it."""


@dataclass(frozen=True, slots=True)
class UnquotedUse:
    """One statement that executes text with something of the caller's in it."""

    line: int
    """Counted from the beginning of the body."""
    sources: tuple[str, ...]
    """What of the caller's: argument names, `NEW`, `auth.jwt()`."""
    expression: str
    """The text that makes the SQL, shortened."""
    through: str = ""
    """The function that is called and executes it; empty for EXECUTE itself."""
    doubt: str = ""
    """Why it cannot be told whether that function executes it."""


def unquoted_uses(
    definition: str,
    arguments: str,
    is_enum: Callable[[str], bool] = lambda _type: False,
    result_type: Callable[[tuple[str, ...]], str | None] = lambda _name: None,
    executes: Executes = executed_by_built_in,
) -> tuple[UnquotedUse, ...]:
    """Uses in a whole CREATE FUNCTION in PL/pgSQL, by line. Raises SqlSyntaxError.

    `arguments` as `pg_get_function_identity_arguments` prints them. `is_enum` knows the enum types by name, `result_type` what
    other functions return, `executes` what they execute of their arguments.
    """
    inputs = inputs_of(arguments)
    function = parse_plpgsql(_without_variadic(definition) if any(i.variadic for i in inputs) else definition)
    try:
        return _Reader(function, _Types(is_enum, result_type, executes)).read(inputs)
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None


def unquoted_uses_of_sql(
    body: str,
    arguments: str,
    is_enum: Callable[[str], bool] = lambda _type: False,
    result_type: Callable[[tuple[str, ...]], str | None] = lambda _name: None,
    executes: Executes = executed_by_built_in,
) -> tuple[UnquotedUse, ...]:
    """The same for the body of a function in SQL, as a string, as BEGIN ATOMIC or as RETURN."""
    types = _Types(is_enum, result_type, executes)
    state = _state_of(inputs_of(arguments), types)
    start, statements = statements_of_sql(body)
    try:
        found = [use for statement in statements for use in _Calls(types).uses(statement, state)]
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    source = body.encode()
    lines = [source.count(b"\n", 0, max(0, start + use.location)) + 1 for use in found]
    return tuple(UnquotedUse(line, tuple(sorted(u.sources)), u.text, u.text, u.doubt) for line, u in zip(lines, found, strict=True))


@dataclass(frozen=True, slots=True)
class Input:
    """An argument that the caller gives; `name` is `$1` and so on where it has none."""

    name: str
    type: str
    variadic: bool
    position: int
    """Among all arguments, from 1 on: that of a procedure may have an OUT before it."""


@lru_cache(maxsize=1024)
def inputs_of(arguments: str) -> tuple[Input, ...]:
    """What a function is given. Memoised: many functions share the same few lists of arguments."""
    statement = parse_statement(f"create function f({arguments}) returns void language sql as ''")
    parameters = [unwrap(wrapper) for wrapper in statement.parameters]
    return tuple(
        Input(p.name or f"${number}", ".".join(string_parts(p.arg_type.names)), p.mode == pg.FUNC_PARAM_VARIADIC, number)
        for number, p in enumerate(parameters, 1)
        if p.mode in _INPUT_MODES
    )


def _without_variadic(definition: str) -> str:
    """The function with a plain argument for VARIADIC, which the PL/pgSQL parser refuses."""
    statement = parse_statement(definition)
    if kind(statement) != "CreateFunctionStmt":
        raise SqlSyntaxError("expected CREATE FUNCTION")
    tree = pg.ParseResult()
    tree.stmts.add().stmt.create_function_stmt.CopyFrom(statement)
    for parameter in tree.stmts[0].stmt.create_function_stmt.parameters:
        if parameter.function_parameter.mode == pg.FUNC_PARAM_VARIADIC:
            parameter.function_parameter.mode = pg.FUNC_PARAM_IN
    return postgast.deparse(tree)


_SHOWN = 160
_HARMLESS_TYPES = frozenset(
    {
        *("int2", "int4", "int8", "smallint", "integer", "int", "bigint", "numeric", "decimal", "float4", "float8", "real", "oid"),
        *("bool", "boolean", "uuid", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "bytea", "money", "inet", "cidr"),
        *("regclass", "regproc", "regprocedure", "regtype", "regrole", "regnamespace", "regoper", "regoperator", "refcursor", "void"),
    }
)
"""Values of these types print as nothing that could end a literal or an identifier."""
_QUOTING = frozenset({"quote_ident", "quote_literal", "quote_nullable"})
_HARMLESS_RESULTS = frozenset(
    {
        *(
            "length",
            "char_length",
            "character_length",
            "octet_length",
            "strpos",
            "position",
            "array_length",
            "cardinality",
            "array_position",
        ),
        *("count", "sum", "avg", "abs", "ceil", "ceiling", "floor", "round", "mod", "sign", "random", "nextval", "currval", "lastval"),
        *("now", "date_trunc", "date_part", "extract", "age", "to_date", "to_timestamp", "to_number", "make_date", "make_interval"),
        *(
            "clock_timestamp",
            "statement_timestamp",
            "md5",
            "sha224",
            "sha256",
            "sha384",
            "sha512",
            "digest",
            "hashtext",
            "hashtextextended",
        ),
        *("gen_random_uuid", "uuid_generate_v4", "to_regclass", "to_regtype", "to_regrole", "to_regnamespace", "to_regproc", "pg_typeof"),
        *(
            "jsonb_typeof",
            "json_typeof",
            "jsonb_array_length",
            "json_array_length",
            "jsonb_exists",
            "starts_with",
            "exists",
            "bool_and",
            "bool_or",
        ),
    }
)
"""Functions that return a number, a time, a digest, or a name as the server quotes it."""
_CALLER = {("auth", "jwt"): "auth.jwt()", ("auth", "email"): "auth.email()"}
_REQUEST = "request."
_KEEPS_NAME_CHARACTERS = re.compile(r"\[\^(?:[A-Za-z0-9_]|\\w|\\d|-)+\]\+?\Z")
"""Patterns of `regexp_replace(x, '[^a-z_]', '', 'g')`: what is left could stand in a name and nowhere else."""
_FORMAT = re.compile(r"%(?:(?P<position>\d+)\$)?(?P<flags>-?)(?:(?P<width>\d+)|\*(?:(?P<from>\d+)\$)?)?(?P<type>[sIL%])")
_ASSIGNED = re.compile(r"\s*(?P<target>[^:=]+?(?:\[[^\]]*\])?)\s*:?=", re.DOTALL)
_FUNCTION_COLUMNS = ("key", "value", "unnest", "elem", "element")
"""Column names of functions in FROM that give none."""
_RAISED = 21
"""Level of RAISE EXCEPTION."""
_INPUT_MODES = frozenset({pg.FUNC_PARAM_IN, pg.FUNC_PARAM_INOUT, pg.FUNC_PARAM_VARIADIC, pg.FUNC_PARAM_DEFAULT})

Sources = frozenset[str]
_NONE: Sources = frozenset()
_State = dict[str, Sources]
"""Variable → what of the caller's it may hold. A record's field is `record.field`; variables that hold nothing are left out."""


@dataclass(frozen=True, slots=True)
class _Types:
    is_enum: Callable[[str], bool]
    result_type: Callable[[tuple[str, ...]], str | None]
    executes: Executes

    def harmless(self, name: str) -> bool:
        """By a name as people or the parser write it: `uuid`, `pg_catalog.int4`, `_uuid`, `timestamp(3) with time zone`."""
        plain = name.strip().lower().removeprefix("pg_catalog.").removesuffix("[]").split("(")[0].strip()
        base = plain.split(" ")[0]
        return base.removeprefix("_") in _HARMLESS_TYPES or plain in ("double precision",) or self.is_enum(plain.replace('"', ""))

    def harmless_node(self, type_name: Any) -> bool:
        return self.harmless(".".join(string_parts(type_name.names)))


def _state_of(inputs: Iterable[Input], types: _Types) -> _State:
    state: _State = {}
    for argument in inputs:
        if not types.harmless(argument.type):
            state[argument.name] = state[f"${argument.position}"] = frozenset({argument.name})
    return state


class _Use(NamedTuple):
    """What a call executes of the caller's."""

    sources: Sources
    text: str
    """The function's name."""
    doubt: str
    location: int


@dataclass(slots=True)
class _Reader:
    """Walks the statements of one function."""

    function: dict[str, Any]
    types: _Types
    uses: dict[tuple[int, str, str, str], Sources] = field(default_factory=dict)
    """By line, text, function through which it is executed, and doubt."""
    declared: set[int] = field(default_factory=set)
    steps: int = 0
    passed: _State | None = None
    """What held after any statement of the block around that has an exception handler: the error may have come there."""

    @property
    def _datums(self) -> list[dict[str, Any]]:
        datums: list[dict[str, Any]] = self.function.get("datums", [])
        return datums

    def read(self, inputs: Iterable[Input]) -> tuple[UnquotedUse, ...]:
        state = _state_of(inputs, self.types)
        if any(name in ("new", "old") for name in map(_name_of_datum, self._datums)):
            state["new"], state["old"] = frozenset({"NEW"}), frozenset({"OLD"})
        self._statement("PLpgSQL_stmt_block", self.function["action"]["PLpgSQL_stmt_block"], state)
        return tuple(
            UnquotedUse(line, tuple(sorted(sources)), text[:_SHOWN] + ("…" if len(text) > _SHOWN else ""), through, doubt)
            for (line, text, through, doubt), sources in sorted(self.uses.items())
        )

    # -- statements ---------------------------------------------------------------------------------------------------
    def _body(self, statements: Iterable[dict[str, Any]], state: _State | None) -> _State | None:
        """The state after the statements; None where they never end normally."""
        for statement in statements:
            for name, body in statement.items():
                if state is None:
                    return None
                state = self._statement(name, body, state)
                if self.passed is not None and state is not None:
                    self.passed = _merged((self.passed, state))
        return state

    def _statement(self, name: str, body: dict[str, Any], state: _State) -> _State | None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise SqlSyntaxError("its loops are nested too deeply to be followed")
        if name != "PLpgSQL_stmt_if":  # whose conditions are looked at one after another
            self._calls(body, body, state)
        if name in ("PLpgSQL_stmt_open", "PLpgSQL_stmt_forc"):
            self._cursor(body, state)
        for part in ("query", "dynquery"):
            if part in body and (part == "dynquery" or name in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")):
                self._execute(body, body[part], state)
        match name.removeprefix("PLpgSQL_stmt_"):
            case "block":
                return self._block(body, state)
            case "assign":
                self._assign(body, state)
            case "execsql" if body.get("into"):
                self._store(body.get("target", {}), self._targets(_text(body["sqlstmt"]), state), state)
            case "dynexecute" if body.get("into"):
                self._store(body.get("target", {}), [], state)
            case "if":
                return self._if(body, state)
            case "case":
                branches = [self._body(when["PLpgSQL_case_when"].get("stmts", []), dict(state)) for when in body.get("case_when_list", [])]
                # without ELSE a value that no WHEN names is an error
                return _joined([*branches, self._body(body.get("else_stmts", []), dict(state)) if body.get("have_else") else None])
            case "fors":
                self._store(body.get("var", {}), self._targets(_text(body["query"]), state), state)
                return self._loop(body, state)
            case "dynfors":
                self._store(body.get("var", {}), [], state)
                return self._loop(body, state)
            case "foreach_a":
                self._set(self._name(body.get("varno", 0)), self._sources(_text(body["expr"]), state), state)
                return self._loop(body, state)
            case "while":
                state = self._loop(body, state)
                self._calls(body["cond"], body, state)
                return state
            case "loop" | "fori" | "forc":
                return self._loop(body, state)
            case "raise" if body.get("elog_level") == _RAISED:
                return None
            case "return":
                return None
            case _:
                pass
        return state

    def _block(self, body: dict[str, Any], state: _State) -> _State | None:
        self._declare(body.get("lineno", 0), state)
        handlers = body.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", [])
        if not handlers:
            return self._body(body.get("body", []), state)
        around, self.passed = self.passed, dict(state)
        after = self._body(body.get("body", []), state)
        inside, self.passed = self.passed, around
        ends = [self._body(handler["PLpgSQL_exception"].get("action", []), dict(inside)) for handler in handlers]
        if self.passed is not None:
            self.passed = _merged((self.passed, inside))
        return _joined([after, *ends])

    def _declare(self, line: int, state: _State) -> None:
        """Initial values of what is declared up to the BEGIN in that line."""
        for number, datum in enumerate(self._datums):
            variable = datum.get("PLpgSQL_var", {})
            if number in self.declared or "lineno" not in variable or variable["lineno"] > line:
                continue
            self.declared.add(number)
            default = variable.get("default_val")
            if default:
                self._calls(default, variable, state)
            self._set(str(variable["refname"]), self._sources(_text(default), state) if default else _NONE, state, _type_of(variable))

    def _if(self, body: dict[str, Any], state: _State) -> _State | None:
        ends: list[_State | None] = []
        rest = dict(state)
        branches = [(body["cond"], body.get("then_body", []))]
        branches += [(b["PLpgSQL_if_elsif"]["cond"], b["PLpgSQL_if_elsif"].get("stmts", [])) for b in body.get("elsif_list", [])]
        for condition, statements in branches:
            self._calls(condition, body, rest)
            listed_when_true, listed_when_false = _listed(parse_expression(_text(condition)))
            ends.append(self._body(statements, _without(rest, listed_when_true)))
            rest = _without(rest, listed_when_false)
        ends.append(self._body(body.get("else_body", []), rest))
        return _joined(ends)

    def _loop(self, body: dict[str, Any], state: _State) -> _State:
        for _ in range(2):
            before = state
            state = _joined([state, self._body(body.get("body", []), dict(state))]) or state
            if state == before:
                break
        return state

    def _assign(self, body: dict[str, Any], state: _State) -> None:
        text = _text(body["expr"])
        match = _ASSIGNED.match(text)
        if match is None:
            return
        name = self._name(body.get("varno", 0))
        sources = self._sources(text[match.end() :], state)
        if "[" in match["target"]:
            sources |= state.get(name, _NONE)  # the other elements stay
        datum = self._datums[body.get("varno", 0)].get("PLpgSQL_var", {})
        self._set(name, sources, state, _type_of(datum))

    def _store(self, target: dict[str, Any], columns: list[Sources], state: _State) -> None:
        """INTO, or the variable of a loop: column by column, or the whole record."""
        fields = target.get("PLpgSQL_row", {}).get("fields", [])
        for position, variable in enumerate(fields):
            datum = self._datums[variable.get("varno", 0)].get("PLpgSQL_var", {})
            self._set(str(variable["name"]), columns[position] if position < len(columns) else _NONE, state, _type_of(datum))
        for form in ("PLpgSQL_rec", "PLpgSQL_var"):
            if form in target:
                self._set(str(target[form].get("refname")), _NONE.union(*columns), state, _type_of(target[form]))

    def _set(self, name: str, sources: Sources, state: _State, type_name: str = "") -> None:
        for known in [k for k in state if k == name or k.startswith(name + ".")]:
            del state[known]
        if sources and not (type_name and self.types.harmless(type_name)):
            state[name] = sources

    def _name(self, number: int) -> str:
        datums = self._datums
        datum = datums[number] if number < len(datums) else {}
        if "PLpgSQL_recfield" in datum:
            part = datum["PLpgSQL_recfield"]
            return f"{self._name(part.get('recparentno', 0))}.{part['fieldname']}"
        return _name_of_datum(datum)

    def _execute(self, body: dict[str, Any], query: dict[str, Any], state: _State) -> None:
        text = _text(query)
        sources = self._sources(text, state)
        if sources:
            self._note(int(body.get("lineno", 0)), text, sources)

    def _note(self, line: int, text: str, sources: Sources, through: str = "", doubt: str = "") -> None:
        place = (line, text, through, doubt)
        self.uses[place] = self.uses.get(place, _NONE) | sources

    def _calls(self, part: dict[str, Any], place: dict[str, Any], state: _State) -> None:
        """Calls that execute text, in the expressions of one statement; those of the statements in it are looked at in their turn."""
        for expression in _own_expressions(part):
            text = str(expression["query"])
            if "(" in text:
                for node in _nodes_of(text, expression.get("parseMode", _WHOLE_STATEMENT)):
                    for use in _Calls(self.types).uses(node, state):
                        self._note(int(place.get("lineno", 0)), text, use.sources, use.text, use.doubt)

    def _cursor(self, statement: dict[str, Any], state: _State) -> None:
        """The query of a declared cursor runs when it is opened, with the arguments that it is given there."""
        cursor = self._datum(statement.get("curvar", -1)).get("PLpgSQL_var", {})
        query = cursor.get("cursor_explicit_expr")
        if query:
            row = self._datum(cursor.get("cursor_explicit_argrow", -1)).get("PLpgSQL_row", {})
            given = _NONE.union(*self._targets("SELECT " + _text(statement["argquery"]), state)) if "argquery" in statement else _NONE
            self._calls(query, statement, {**state, **{str(f["name"]): given for f in row.get("fields", []) if given}})

    def _datum(self, number: int) -> dict[str, Any]:
        return self._datums[number] if 0 <= number < len(self._datums) else {}

    # -- expressions --------------------------------------------------------------------------------------------------
    def _sources(self, text: str, state: _State) -> Sources:
        return _Expression(state, self.types).sources(parse_expression(text))

    def _targets(self, sql: str, state: _State) -> list[Sources]:
        """What the columns of a query hold; nothing for a statement that is none."""
        parsed = parse_statements(sql)
        return _Expression(state, self.types).columns(parsed[0]) if len(parsed) == 1 and kind(parsed[0]) == "SelectStmt" else []


_WHOLE_STATEMENT, _PLAIN_EXPRESSION = 0, 2
"""RawParseMode of the parser; the greater ones are assignments."""


def _own_expressions(part: Any) -> Iterator[dict[str, Any]]:
    """Expressions of a statement, without those of the statements in it."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "PLpgSQL_expr":
                yield value
            elif not name.startswith("PLpgSQL_stmt_"):
                yield from _own_expressions(value)
    elif isinstance(part, list):
        for item in part:
            yield from _own_expressions(item)


def _nodes_of(text: str, mode: int) -> tuple[Node, ...]:
    if mode == _WHOLE_STATEMENT:
        return parse_statements(text)
    if mode != _PLAIN_EXPRESSION:
        match = _ASSIGNED.match(text)
        if match is None:
            raise SqlSyntaxError("it assigns to something that is not read")
        text = text[match.end() :]
    return parse_statements(f"SELECT {text}")  # the arguments of a cursor are several


class _Calls:
    """Finds the calls that execute something of the caller's."""

    def __init__(self, types: _Types) -> None:
        self._types = types

    def uses(self, node: Any, state: _State) -> Iterator[_Use]:
        match kind(node):
            case "FuncCall":
                yield from self._of_call(node, state)
            case "SelectStmt":
                state = self._inside(node, state)
            case "CaseExpr" if not node.HasField("arg"):
                yield from self._of_case(node, state)
                return
            case _:
                pass
        for child in children(node):
            yield from self.uses(child, state)

    def _of_call(self, node: Any, state: _State) -> Iterator[_Use]:
        call, arguments = call_of(node)
        executed = self._types.executes(call)
        if executed is NOTHING:
            return
        read = _Expression(state, self._types)
        name = ".".join(call.name)
        sure = executed.always.union(*(read.sources(arguments[place]) for place in executed.surely))
        if sure:
            yield _Use(sure, name, "", node.location)
        for place, why in executed.perhaps.items():
            sources = read.sources(arguments[place])
            if sources:
                yield _Use(sources, name, why, node.location)

    def _of_case(self, node: Any, state: _State) -> Iterator[_Use]:
        """CASE evaluates a branch only where its condition holds."""
        for wrapper in node.args:
            when = unwrap(wrapper)
            condition = unwrap(when.expr)
            yield from self.uses(condition, state)
            listed, listed_otherwise = _listed(condition)
            yield from self.uses(unwrap(when.result), _without(state, listed))
            state = _without(state, listed_otherwise)
        if node.HasField("defresult"):
            yield from self.uses(unwrap(node.defresult), state)

    def _inside(self, select: Any, state: _State) -> _State:
        """With the columns of WITH and FROM."""
        for wrapper in select.with_clause.ctes:
            query = unwrap(unwrap(wrapper).ctequery)
            if kind(query) == "SelectStmt":
                state = {**state, **self._named(unwrap(wrapper), query, state)}
        return {**state, **_Expression(state, self._types).from_clause(select.from_clause)}

    def _named(self, cte: Any, query: Any, state: _State) -> _State:
        columns = _Expression(state, self._types).columns(query)
        first = query
        while first.HasField("larg"):
            first = first.larg
        names = string_parts(cte.aliascolnames) or tuple(unwrap(t).name for t in first.target_list)
        return {name: sources for name, sources in zip(names, columns, strict=False) if name and sources}


class _Expression:
    """What of the caller's stands unquoted in the text of an expression's value."""

    def __init__(self, state: _State, types: _Types) -> None:
        self._state = state
        self._types = types

    def sources(self, node: Any) -> Sources:
        match kind(node):
            case "A_Const" | "BoolExpr" | "NullTest" | "BooleanTest" | "SQLValueFunction" | "GroupingFunc":
                return _NONE
            case "ColumnRef":
                return self._variable(node)
            case "ParamRef":
                return self._state.get(f"${node.number}", _NONE)
            case "TypeCast":
                return _NONE if self._types.harmless_node(node.type_name) else self.sources(unwrap(node.arg))
            case "A_Expr":
                return self._operator(node)
            case "FuncCall":
                return self._call(node)
            case "CaseExpr":
                results = [unwrap(unwrap(when).result) for when in node.args]
                return self._all([*results, *([unwrap(node.defresult)] if node.HasField("defresult") else [])])
            case "SubLink":
                if node.sub_link_type not in (pg.EXPR_SUBLINK, pg.ARRAY_SUBLINK):
                    return _NONE
                return _NONE.union(*self.columns(unwrap(node.subselect)))
            case "A_Indirection":
                return self.sources(unwrap(node.arg))
            case _:
                return self._all(children(node))

    def columns(self, select: Any) -> list[Sources]:
        """What each column of a SELECT holds; columns of tables hold nothing of the caller's."""
        if select.HasField("larg"):
            sides = [self.columns(side) for side in (select.larg, select.rarg)]
            return [a | b for a, b in zip(*sides, strict=False)]
        if len(select.values_lists):
            return [self._all(map(unwrap, unwrap(row).items)) for row in select.values_lists]
        inner = _Expression({**self._state, **self.from_clause(select.from_clause)}, self._types)
        return [inner.sources(unwrap(target.res_target.val)) for target in select.target_list]

    def from_clause(self, items: Any) -> _State:
        """Names that FROM gives to what comes out of functions and sub-selects: `unnest(p_columns) as c`."""
        found: _State = {}
        for wrapper in items:
            item = unwrap(wrapper)
            if kind(item) == "JoinExpr":
                found.update(self.from_clause((item.larg, item.rarg)))
            elif kind(item) in ("RangeFunction", "RangeSubselect"):
                if kind(item) == "RangeFunction":
                    sources = self._all(unwrap(part) for row in item.functions for part in unwrap(row).items if part.WhichOneof("node"))
                    names = [
                        string_parts(unwrap(row.list.items[0]).funcname)[-1]
                        for row in item.functions
                        if row.list.items[0].HasField("func_call")
                    ]
                    names += [*_FUNCTION_COLUMNS, *(unwrap(column).colname for column in item.coldeflist)]
                else:
                    sub = unwrap(item.subquery)
                    sources = _NONE.union(*self.columns(sub))
                    names = [unwrap(t).name for t in sub.target_list]
                names += [item.alias.aliasname, *string_parts(item.alias.colnames)]
                found.update({name: sources for name in names if name and sources})
        return found

    def _all(self, nodes: Iterable[Node]) -> Sources:
        return _NONE.union(*(self.sources(node) for node in nodes))

    def _variable(self, node: Any) -> Sources:
        parts = [f.string.sval for f in node.fields if f.WhichOneof("node") == "string"]
        for start in range(len(parts)):  # `function.argument` and `block.variable` are qualified from the left
            for end in range(len(parts), start, -1):
                found = self._state.get(".".join(parts[start:end]))
                if found:
                    return found
        # the whole record holds what its fields hold
        prefix = ".".join(parts) + "."
        return _NONE.union(*(sources for name, sources in self._state.items() if name.startswith(prefix)))

    def _operator(self, node: Any) -> Sources:
        name = string_parts(node.name)[-1] if len(node.name) else ""
        if node.kind == pg.AEXPR_NULLIF or name in ("->", "->>", "#>", "#>>"):
            return self.sources(unwrap(node.lexpr))
        if node.kind == pg.AEXPR_OP and name == "||":
            return self._all((unwrap(node.lexpr), unwrap(node.rexpr)))
        return _NONE  # comparisons and arithmetic

    def _call(self, node: Any) -> Sources:
        name = string_parts(node.funcname)
        last, builtin = name[-1], name[:-1] in ((), ("pg_catalog",))
        if name in _CALLER:
            return frozenset({_CALLER[name]})
        arguments = [unwrap(argument) for argument in node.args]
        arguments = [unwrap(a.arg) if kind(a) == "NamedArgExpr" else a for a in arguments]
        if builtin and last == "current_setting" and arguments:
            setting = _constant_text(arguments[0])
            return frozenset({f"current_setting({setting!r})"}) if setting and setting.startswith(_REQUEST) else _NONE
        if last in _HARMLESS_RESULTS or (builtin and last in _QUOTING):
            return _NONE
        if builtin and last == "format" and arguments:
            return self._format(arguments)
        if builtin and last == "encode" and len(arguments) == 2 and _constant_text(arguments[1]) in ("hex", "base64"):
            return _NONE
        if builtin and last == "regexp_replace" and len(arguments) == 4 and _keeps_name_characters(arguments):
            return _NONE
        result = None if builtin else self._types.result_type(name)
        if result is not None and self._types.harmless(result):
            return _NONE
        return self._all(arguments)

    def _format(self, arguments: list[Node]) -> Sources:
        template = _constant_text(arguments[0])
        if template is None:
            return self._all(arguments)
        found, following = _NONE, 1
        for spec in _FORMAT.finditer(template):
            if spec["type"] == "%":
                continue
            position = int(spec["position"]) if spec["position"] else following
            following = position + 1
            if spec["type"] == "s":
                # after VARIADIC one array holds all of them
                argument = arguments[min(position, len(arguments) - 1)] if len(arguments) > 1 else None
                found |= self.sources(argument) if argument is not None else _NONE
        return found


def _keeps_name_characters(arguments: list[Node]) -> bool:
    pattern, replacement, flags = (_constant_text(argument) for argument in arguments[1:])
    return pattern is not None and _KEEPS_NAME_CHARACTERS.match(pattern) is not None and replacement in ("", "_") and "g" in (flags or "")


def _constant_text(node: Node) -> str | None:
    while kind(node) == "TypeCast":
        node = unwrap(node.arg)
    constant = constant_of(node)
    return constant.value if constant and isinstance(constant.value, str) else None


def _listed(condition: Any) -> tuple[set[str], set[str]]:
    """Variables that are one of some constants when the condition holds, and when it does not."""
    match kind(condition):
        case "A_Expr" if condition.kind == pg.AEXPR_IN or (
            condition.kind == pg.AEXPR_OP and string_parts(condition.name) in (("=",), ("<>",))
        ):
            right = unwrap(condition.rexpr)
            items = [unwrap(item) for item in right.items] if kind(right) == "List" else [right]
            names = _variable_name(unwrap(condition.lexpr)) if all(constant_of(_uncast(i)) for i in items) else set()
            return (names, set()) if string_parts(condition.name) == ("=",) else (set(), names)
        case "A_Expr" if condition.kind in (pg.AEXPR_OP_ANY, pg.AEXPR_OP_ALL):
            array = _uncast(unwrap(condition.rexpr))
            elements = [_uncast(unwrap(item)) for item in array.elements] if kind(array) == "A_ArrayExpr" else [array]
            names = _variable_name(unwrap(condition.lexpr)) if all(constant_of(e) for e in elements) else set()
            if string_parts(condition.name) == ("=",) and condition.kind == pg.AEXPR_OP_ANY:
                return names, set()
            return set(), (names if string_parts(condition.name) == ("<>",) and condition.kind == pg.AEXPR_OP_ALL else set())
        case "BoolExpr":
            parts = [_listed(unwrap(part)) for part in condition.args]
            if condition.boolop == pg.NOT_EXPR:
                return parts[0][1], parts[0][0]
            if condition.boolop == pg.AND_EXPR:
                return set().union(*(p[0] for p in parts)), set.intersection(*(p[1] for p in parts))
            return set.intersection(*(p[0] for p in parts)), set().union(*(p[1] for p in parts))
        case _:
            return set(), set()


def _variable_name(node: Any) -> set[str]:
    node = _uncast(node)
    if kind(node) != "ColumnRef":
        return set()
    return {".".join(f.string.sval for f in node.fields)}


def _uncast(node: Any) -> Any:
    while kind(node) == "TypeCast":
        node = unwrap(node.arg)
    return node


def _without(state: _State, names: set[str]) -> _State:
    return {name: sources for name, sources in state.items() if name not in names}


def _joined(states: Iterable[_State | None]) -> _State | None:
    """What may hold after any of the ways that lead here; None when none does."""
    ways = [state for state in states if state is not None]
    return _merged(ways) if ways else None


def _merged(states: Iterable[_State]) -> _State:
    merged: _State = {}
    for state in states:
        for name, sources in state.items():
            merged[name] = merged.get(name, _NONE) | sources
    return merged


def _text(wrapper: dict[str, Any]) -> str:
    return str(wrapper["PLpgSQL_expr"]["query"])


def _type_of(variable: dict[str, Any]) -> str:
    return str(variable.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", ""))


def _name_of_datum(datum: dict[str, Any]) -> str:
    return str(next((body.get("refname", "") for body in datum.values()), ""))
