"""Dynamic SQL in functions that run with their owner's rights: clause 2.2."""

from __future__ import annotations

from functools import partial

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Function
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.function_privileges import identity_of_function
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.dynamic_sql import EXECUTE, UnquotedUse, unquoted_uses
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_STATIC_LANGUAGES = frozenset({"sql"})
_COMPILED_LANGUAGES = frozenset({"c", "internal"})
_LISTED = 20


@rule(
    "FUN008",
    "dynamic-sql-unquoted",
    clause="2.2",
    severity=Severity.HIGH,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER function that executes SQL with its caller's text in it",
    why=(
        "What the caller sends becomes part of a statement that runs with the owner's rights: SQL injection past grants and row level "
        "security. The body is parsed, and what the caller sends (arguments, the row of a trigger, claims and headers of the request) is "
        "followed through assignments, branches and loops to EXECUTE, RETURN QUERY EXECUTE, OPEN and FOR ... IN EXECUTE. Values of types "
        "that cannot carry SQL are harmless, and so is what was quoted, passed with USING, or compared with a list of constants before."
    ),
    how_to_fix=(
        "`execute format('... %I ... $1', a_name) using a_value`: %I or quote_ident for names, USING for values (or %L, quote_literal), "
        "an argument of type regclass for a table."
    ),
    references=("cwe:89", "plpgsql_check:security"),
    requires=(CatalogKind.FUNCTIONS, CatalogKind.TYPES),
    violating="""
create function public.count_rows(table_name text) returns bigint language plpgsql security definer set search_path = '' as $f$
declare
  result bigint;
begin
  execute 'select count(*) from public.' || table_name into result;
  return result;
end
$f$;
comment on function public.count_rows(text) is 'platformkit:definer counts rows that the caller may not read';
""",
    clean="""
create function public.count_rows(table_name text) returns bigint language plpgsql security definer set search_path = '' as $f$
declare
  result bigint;
begin
  execute format('select count(*) from public.%I', table_name) into result;
  return result;
end
$f$;
comment on function public.count_rows(text) is 'platformkit:definer counts rows that the caller may not read';
""",
)
def dynamic_sql_unquoted(catalog: Catalog) -> Verdicts:
    for function in catalog.definers:
        if function.language in _COMPILED_LANGUAGES:
            continue
        if function.language in _STATIC_LANGUAGES or (function.language == "plpgsql" and _executes_nothing(function)):
            yield PASSED
        else:
            yield _verdict(catalog, function)


def _executes_nothing(function: Function) -> bool:
    """The key word does not even occur; most bodies end here and are never parsed."""
    return function.body is not None and EXECUTE not in function.body.lower()


def _verdict(catalog: Catalog, function: Function) -> Verdict | None:
    identity = identity_of_function(function)
    if function.language != "plpgsql":
        return unknown(identity, f"{identity} is written in {function.language}, which is not read here", language=function.language)
    if function.definition is None:
        return unknown(identity, f"the definition of {identity} could not be read")
    try:
        uses = unquoted_uses(function.definition, function.arguments, catalog.is_enum, partial(_result_type, catalog))
    except SqlSyntaxError as error:
        return unknown(identity, f"{identity} executes text, and its body could not be read: {error}", reason=str(error))
    if not uses:
        return PASSED
    return failed(
        identity,
        f"{identity} executes SQL with {_sources(uses)} in it, unquoted, with the rights of {function.owner} "
        f"(line {', '.join(str(use.line) for use in uses[:_LISTED])} of its body)",
        uses=[{"line": use.line, "from": list(use.sources), "expression": use.expression} for use in uses[:_LISTED]],
        uses_count=len(uses),
        owner=function.owner,
    )


def _sources(uses: tuple[UnquotedUse, ...]) -> str:
    return ", ".join(sorted({source for use in uses for source in use.sources}))


def _result_type(catalog: Catalog, name: tuple[str, ...]) -> str | None:
    """What every function of that name returns, when it is the same for all overloads."""
    found = {f.result for f in catalog.functions_named(name[-1], name[-2] if len(name) > 1 else None)}
    return found.pop() if len(found) == 1 else None
