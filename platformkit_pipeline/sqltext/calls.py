"""Which of several functions of one name does a call mean? As PostgreSQL tells them apart: by number, names and types of the arguments.

https://www.postgresql.org/docs/current/typeconv-func.html. Types count where they are evident; what may be meant stays in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import (
    CACHE_SIZE,
    Node,
    SqlSyntaxError,
    column_path,
    kind,
    parse_expression,
    parse_statement,
    scalar_of,
    string_parts,
    unwrap,
)

Path = tuple[str, ...]
ArgumentType = str | Path | None
"""The name of a type; the path of a column that has it; None where it is not evident."""
TypeOfColumn = Callable[[Path], str | None]
_Function = TypeVar("_Function")

_KNOWN_RESULTS: dict[Path, str] = {("auth", "uid"): "uuid", ("auth", "jwt"): "jsonb", ("auth", "role"): "text", ("auth", "email"): "text"}
_TEXTUAL = frozenset({"->>", "#>>"})
_COMPARING = frozenset({"=", "<>", "<", "<=", ">", ">=", "@>", "<@", "&&", "?", "?|", "?&"})
_GROUPS = (
    frozenset({"text", "varchar", "bpchar", "name", "char"}),
    frozenset({"int2", "int4", "int8", "numeric", "float4", "float8", "oid", "regclass", "regtype", "regproc", "regrole", "money"}),
    frozenset({"date", "timestamp", "timestamptz"}),
    frozenset({"time", "timetz", "interval"}),
    *(frozenset({name}) for name in ("uuid", "bool", "json", "jsonb", "bytea", "xml")),
)
"""Types of PostgreSQL that no implicit cast leads out of."""
_GROUP_OF = {name: group for group in _GROUPS for name in group}


@dataclass(frozen=True, slots=True)
class CallShape:
    """What a call shows of the function that it means."""

    name: Path
    arguments: tuple[ArgumentType, ...] = ()
    """By position."""
    named: tuple[tuple[str, ArgumentType], ...] = ()
    """`name => value`."""
    variadic: bool = False
    """VARIADIC before the last one."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input of a function. `name` is "" for one without."""

    name: str
    type: str
    has_default: bool = False
    variadic: bool = False


def shape_of(call: Any) -> CallShape:
    """The shape of a FuncCall node."""
    positional: list[ArgumentType] = []
    named: list[tuple[str, ArgumentType]] = []
    for wrapper in call.args:
        argument = unwrap(wrapper)
        if kind(argument) == "NamedArgExpr":
            named.append((str(argument.name), _evident_type(unwrap(argument.arg))))
        else:
            positional.append(_evident_type(argument))
    return CallShape(string_parts(call.funcname), tuple(positional), tuple(named), bool(call.func_variadic))


@lru_cache(maxsize=CACHE_SIZE)
def parameters_of(definition: str | None, arguments: str) -> tuple[Parameter, ...] | None:
    """Inputs of a function, from its CREATE FUNCTION, or from its identity arguments alone; None where neither can be read."""
    for text in (definition, f"create function f({arguments}) returns void language sql as ''"):
        try:
            statement = parse_statement(text) if text else None
        except SqlSyntaxError:
            continue
        if statement is not None and kind(statement) == "CreateFunctionStmt":
            found = [unwrap(parameter) for parameter in statement.parameters]
            return tuple(_parameter(p) for p in found if p.mode not in (pg.FUNC_PARAM_OUT, pg.FUNC_PARAM_TABLE))
    return None


@lru_cache(maxsize=CACHE_SIZE)
def type_named(text: str) -> str | None:
    """The short name of a type as `format_type` prints it: `character varying(50)` is varchar."""
    try:
        cast = parse_expression(f"NULL::{text}")
    except SqlSyntaxError:
        return None
    return _type_name(cast.type_name) if kind(cast) == "TypeCast" else None


def meant(
    shape: CallShape,
    functions: Iterable[tuple[_Function, Sequence[Parameter] | None]],
    type_of_column: TypeOfColumn = lambda _path: None,
) -> tuple[_Function, ...]:
    """The functions among `functions` that the call may mean. Exactly one: that is the one."""
    fitting: list[tuple[_Function, list[tuple[str | None, str]] | None, int]] = []
    for function, parameters in functions:
        if parameters is None:
            fitting.append((function, None, 0))
            continue
        pairs = _paired(shape, parameters, type_of_column)
        if pairs is not None and all(_accepts(expected, given) for given, expected in pairs):
            fitting.append((function, pairs, len(parameters)))
    exact = [entry for entry in fitting if entry[1] is not None and all(given == expected for given, expected in entry[1])]
    if exact:
        fewest = min(count for _, _, count in exact)
        fitting = [entry for entry in exact if entry[2] == fewest]
    return tuple(function for function, _, _ in fitting)


def _paired(shape: CallShape, parameters: Sequence[Parameter], type_of_column: TypeOfColumn) -> list[tuple[str | None, str]] | None:
    """(type given, type expected) of every argument; None where the call does not fit."""

    def given(argument: ArgumentType) -> str | None:
        return type_of_column(argument) if isinstance(argument, tuple) else argument

    pairs: list[tuple[str | None, str]] = []
    rest = parameters[-1] if parameters and parameters[-1].variadic and not shape.variadic else None
    if len(shape.arguments) > len(parameters) and rest is None:
        return None
    for position, argument in enumerate(shape.arguments):
        parameter = parameters[position] if position < len(parameters) else parameters[-1]
        expected = parameter.type.removesuffix("[]") if parameter is rest else parameter.type
        pairs.append((given(argument), expected))
    left = {parameter.name: parameter for parameter in parameters[len(shape.arguments) :]}
    for name, argument in shape.named:
        if name not in left:
            return None
        pairs.append((given(argument), left.pop(name).type))
    missing = [p for p in parameters[len(shape.arguments) :] if p.name not in {name for name, _ in shape.named}]
    return pairs if all(parameter.has_default for parameter in missing) else None


def _accepts(expected: str, given: str | None) -> bool:
    """False where no implicit cast leads from the one to the other; types that somebody made are not followed."""
    if given is None or given == expected or expected.startswith("any"):
        return True
    if expected.endswith("[]") and given.endswith("[]"):
        return _accepts(expected[:-2], given[:-2])
    known, other = (_GROUP_OF.get(name.removesuffix("[]")) for name in (expected, given))
    if known is None or other is None:
        return True
    return known is other and expected.endswith("[]") == given.endswith("[]")


def _parameter(node: Any) -> Parameter:
    return Parameter(str(node.name), _type_name(node.arg_type), node.HasField("defexpr"), node.mode == pg.FUNC_PARAM_VARIADIC)


def _type_name(node: Any) -> str:
    names = string_parts(node.names)
    name = names[-1] if names[:-1] in ((), ("pg_catalog",)) else ".".join(names)
    return f"{name}[]" if len(node.array_bounds) else name


def _evident_type(node: Node) -> ArgumentType:
    match kind(node):
        case "TypeCast":
            return _type_name(node.type_name)
        case "ColumnRef":
            return column_path(node)
        case "ParamRef":
            return (f"${node.number}",)
        case "A_Const":
            return {"ival": "int4", "fval": "numeric", "boolval": "bool"}.get(node.WhichOneof("val") or "")
        case "FuncCall":
            return _KNOWN_RESULTS.get(string_parts(node.funcname))
        case "BoolExpr" | "NullTest" | "BooleanTest":
            return "bool"
        case "A_Expr" if node.kind == pg.AEXPR_OP:
            operator = node.name[-1].string.sval
            return "text" if operator in _TEXTUAL else "bool" if operator in _COMPARING else None
        case "CollateClause":
            return _evident_type(unwrap(node.arg))
        case "SubLink" if node.sub_link_type == pg.EXISTS_SUBLINK:
            return "bool"
        case "SubLink" if (inner := scalar_of(node)) is not None:
            return _evident_type(inner)
        case _:
            return None
