"""Functions: clauses 1.1 and 2.2."""

from __future__ import annotations

from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Function
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.database.function_privileges import identity_of_function
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule

_COMPILED_LANGUAGES = frozenset({"c", "internal"})


@rule(
    "FUN001",
    "definer-search-path-mutable",
    clause="2.2",
    severity=Severity.CRITICAL,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER function without a fixed search_path",
    why=(
        "The function runs with its owner's rights and resolves names by the caller's search_path: "
        "whoever can create an object in a schema of that path decides what the owner executes."
    ),
    how_to_fix=(
        "`alter function ... set search_path = pg_catalog, public, pg_temp`, naming only schemas in which client roles cannot create."
    ),
    references=("splinter:function_search_path_mutable", "cwe:426"),
    patch=PatchKind.SQL,
    requires=(CatalogKind.FUNCTIONS,),
    violating="""
create function public.f() returns void language sql security definer as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
""",
    clean="""
create function public.f() returns void language sql security definer
  set search_path = pg_catalog, public, pg_temp as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
""",
)
def definer_search_path_mutable(catalog: Catalog) -> Verdicts:
    for function in catalog.definers:
        if _fixes_search_path(function):
            yield PASSED
        else:
            identity = identity_of_function(function)
            yield failed(
                identity,
                f"{identity} is SECURITY DEFINER, owned by {function.owner}, and takes its search_path from the caller",
                owner=function.owner,
                language=function.language,
            )


@rule(
    "FUN002",
    "function-search-path-mutable",
    clause="2.2",
    severity=Severity.LOW,
    family=Family.FUNCTIONS,
    title="Function without a fixed search_path",
    why="The function does different things for callers with different search paths; called from a definer function it has those rights.",
    how_to_fix="`alter function ... set search_path = pg_catalog, public, pg_temp`, or write the body as BEGIN ATOMIC.",
    references=("splinter:function_search_path_mutable",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.FUNCTIONS,),
    violating="create function public.f() returns bigint language sql as 'select count(*) from orders';",
    clean="create function public.f() returns bigint language sql set search_path = '' as 'select count(*) from public.orders';",
)
def function_search_path_mutable(catalog: Catalog) -> Verdicts:
    for function in catalog.functions:
        if function.security_definer or function.kind not in ("function", "procedure"):
            continue
        if function.language in _COMPILED_LANGUAGES or function.sql_body is not None:
            continue  # compiled code resolves no names by path; BEGIN ATOMIC bodies were resolved when they were created
        if _fixes_search_path(function):
            yield PASSED
        else:
            identity = identity_of_function(function)
            yield failed(identity, f"{identity} takes its search_path from the caller", language=function.language)


@rule(
    "FUN004",
    "definer-unjustified",
    clause="2.2",
    severity=Severity.MEDIUM,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER without a written justification",
    why=(
        "Running with the owner's rights bypasses row level security and grants; "
        "the next reader has to know why the caller's rights do not suffice."
    ),
    how_to_fix="`comment on function ... is 'platformkit:definer <reason>'`, or make the function SECURITY INVOKER.",
    references=("cwe:250",),
    requires=(CatalogKind.FUNCTIONS,),
    violating="create function public.f() returns void language sql security definer set search_path = '' as 'select';",
    clean="""
create function public.f() returns void language sql security definer set search_path = '' as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
""",
)
def definer_unjustified(catalog: Catalog) -> Verdicts:
    for function in catalog.definers:
        use = directive_in(function.comment, Directive.DEFINER)
        if use and use.reason:
            yield PASSED
            continue
        identity = identity_of_function(function)
        if use:
            yield failed(identity, f"the comment of {identity} says platformkit:definer without a reason")
        else:
            yield failed(identity, f"{identity} is SECURITY DEFINER and no comment says why", owner=function.owner)


def _fixes_search_path(function: Function) -> bool:
    return any(name == "search_path" for name, _ in function.settings)
