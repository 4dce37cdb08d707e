"""Dynamic SQL in functions that run with their owner's rights: clause 2.2."""

from __future__ import annotations

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Function
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.executing_functions import ExecutingFunctions
from platformkit_pipeline.rules.database.function_privileges import identity_of_function
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.dynamic_sql import UnquotedUse
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_READ_LANGUAGES = frozenset({"sql", "plpgsql"})
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
        "followed through assignments, branches and loops to EXECUTE, RETURN QUERY EXECUTE, OPEN and FOR ... IN EXECUTE, to functions that "
        "take a statement as text (query_to_xml, ts_stat, dblink, cron.schedule), and through functions of the project that execute what "
        "they are given. Values of types that cannot carry SQL are harmless, and so is what was quoted, passed with USING, or compared "
        "with a list of constants before."
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
    executing = ExecutingFunctions(catalog)
    for function in catalog.definers:
        if function.language in _COMPILED_LANGUAGES:
            continue
        if function.language in _READ_LANGUAGES and _has_text(function) and not executing.may_execute(function):
            yield PASSED
        else:
            yield _verdict(executing, function)


def _has_text(function: Function) -> bool:
    return function.body is not None or function.sql_body is not None


def _verdict(executing: ExecutingFunctions, function: Function) -> Verdict | None:
    identity = identity_of_function(function)
    if function.language not in _READ_LANGUAGES:
        return unknown(identity, f"{identity} is written in {function.language}, which is not read here", language=function.language)
    if not _has_text(function) or (function.language == "plpgsql" and function.definition is None):
        return unknown(identity, f"the definition of {identity} could not be read")
    try:
        found = executing.uses(function)
    except SqlSyntaxError as error:
        return unknown(identity, f"{identity} executes text, and its body could not be read: {error}", reason=str(error))
    uses = tuple(use for use in found if not use.doubt)
    if found and not uses:
        why = "; ".join(dict.fromkeys(use.doubt for use in found))
        return unknown(
            identity,
            f"{identity} passes {_sources(found)} on, unquoted, and whether it is executed cannot be told: {why}",
            uses=_evidence(found),
        )
    if not uses:
        return PASSED
    return failed(
        identity,
        f"{identity} executes SQL with {_sources(uses)} in it, unquoted, with the rights of {function.owner} "
        f"(line {', '.join(str(use.line) for use in uses[:_LISTED])} of its body)",
        uses=_evidence(uses),
        uses_count=len(uses),
        owner=function.owner,
    )


def _sources(uses: tuple[UnquotedUse, ...]) -> str:
    return ", ".join(sorted({source for use in uses for source in use.sources}))


def _evidence(uses: tuple[UnquotedUse, ...]) -> list[dict[str, object]]:
    return [
        {"line": use.line, "from": list(use.sources), "expression": use.expression, **({"through": use.through} if use.through else {})}
        for use in uses[:_LISTED]
    ]
