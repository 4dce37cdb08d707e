"""SECURITY DEFINER functions: what they resolve names by, who may call them, and whose rights they run with. Clauses 1.1 and 2.2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity, function_identity, member_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import PUBLIC, CatalogKind, Function, Policy
from platformkit_pipeline.rules.database.catalog import Catalog, exposure_unknown
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.identifiers import schemas_in_path

_TEMPORARY = re.compile(r"pg_temp(?:_\d+)?\Z")
_LISTED = 10
"""Policies named in a message or in evidence; more are counted."""


def identity_of_function(function: Function) -> ObjectIdentity:
    return function_identity(function.schema, function.name, function.arguments)


@rule(
    "FUN003",
    "definer-search-path-unsafe",
    clause="2.2",
    severity=Severity.HIGH,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER function whose fixed search_path leads through a schema that callers can write to",
    why=(
        "A fixed path helps only if nobody else can put objects into it. Where a client role may create in a schema of the path, or in the "
        'one that "$user" stands for, its table or function is found in the place of the meant one and runs with the owner\'s rights. '
        "The same goes for pg_temp, in which everybody may create, anywhere but at the end. A path without pg_temp is searched as if it "
        "began with it, though for tables and types only, never for functions: list it last, or qualify the names in the body."
    ),
    how_to_fix=(
        "`alter function ... set search_path = pg_catalog, public, pg_temp`, naming only schemas in which client roles cannot create; "
        "and `revoke create on schema ... from public, anon, authenticated` for those that they need not create in."
    ),
    references=("cwe:426", "cwe:427"),
    patch=PatchKind.SQL,
    requires=(CatalogKind.FUNCTIONS, CatalogKind.SCHEMAS, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS),
    violating="""
create function public.f() returns void language sql security definer
  set search_path = pg_temp, pg_catalog, public as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
""",
    clean="""
create function public.f() returns void language sql security definer
  set search_path = pg_catalog, public, pg_temp as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
""",
)
def definer_search_path_unsafe(catalog: Catalog) -> Verdicts:
    for function in catalog.definers:
        setting = next((value for name, value in function.settings if name == "search_path"), None)
        if setting is None:
            continue  # nothing is fixed: that is FUN001
        path = schemas_in_path(setting)
        faults = _faults_of_path(path, catalog)
        if not faults:
            yield PASSED
            continue
        identity = identity_of_function(function)
        yield failed(
            identity,
            f"{identity} runs with the rights of {function.owner} and searches {'; '.join(faults)}",
            search_path=setting,
            schemas_open_to_create={s: list(r) for s in path if (r := catalog.schemas_open_to_create.get(s))},
            pg_temp="listed" if any(_TEMPORARY.match(s) for s in path) else "not listed: searched first for tables and types",
            owner=function.owner,
        )


def _faults_of_path(path: tuple[str, ...], catalog: Catalog) -> list[str]:
    faults = []
    for position, schema in enumerate(path):
        if schema == "$user":
            faults.append('"$user", a schema with the name of the role that runs it, which may not exist yet')
        elif _TEMPORARY.match(schema):
            if position < len(path) - 1:
                faults.append(f"{schema} before {path[position + 1]}, and everybody may create temporary objects")
        elif roles := catalog.schemas_open_to_create.get(schema):
            faults.append(f"{schema}, in which {_listed(roles)} may create objects")
    return faults


_WHO_MAY_CALL = (
    "It runs with its owner's rights, so neither the caller's grants nor row level security stand between the caller and what it does. "
    "EXECUTE counts however it came: new functions are executable by PUBLIC unless default privileges say otherwise, and a revoke from "
    "PUBLIC leaves grants by name in place. Trigger functions and procedures are left out, because the Data API cannot call them."
)
_HOW_TO_CLOSE = (
    "`revoke execute on function ... from public, anon, authenticated`, then grant it to the roles that need it; or move the function to a "
    "schema that is not exposed. Not so for a helper that a policy calls: whom the policy applies to needs EXECUTE, so a revoke breaks "
    "the policy. `alter function ... set schema private` takes such a helper out of the API, and the policies follow by themselves."
)
_HELPER = (
    "A helper passes that a policy for the same role calls, if its comment gives the reason (`platformkit:definer <reason>`): "
    "then the privilege is needed and the reason is on record."
)
_REQUIRED = (
    CatalogKind.FUNCTIONS,
    CatalogKind.SCHEMAS,
    CatalogKind.ROLES,
    CatalogKind.ROLE_MEMBERSHIPS,
    CatalogKind.POLICIES,
    CatalogKind.RELATIONS,
    CatalogKind.COLUMNS,
)


@rule(
    "FUN005",
    "definer-callable-by-anon",
    clause="2.2",
    severity=Severity.HIGH,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER function that anybody can call through the Data API",
    why=f"Whoever holds the project's publishable key, which is in every browser, can call it. {_WHO_MAY_CALL} {_HELPER}",
    how_to_fix=_HOW_TO_CLOSE,
    references=("splinter:anon_security_definer_function_executable", "cwe:269", "cwe:862"),
    patch=PatchKind.SQL,
    requires=_REQUIRED,
    violating="""
create function public.close_day() returns void language sql security definer set search_path = '' as 'select';
comment on function public.close_day() is 'platformkit:definer updates every tenant';
grant execute on function public.close_day() to anon;
""",
    clean="""
create function public.close_day() returns void language sql security definer set search_path = '' as 'select';
comment on function public.close_day() is 'platformkit:definer updates every tenant';
grant execute on function public.close_day() to service_role;
""",
    revision=2,
)
def definer_callable_by_anon(catalog: Catalog) -> Verdicts:
    anonymous = "anon" if catalog.has_role("anon") else PUBLIC
    for function in catalog.definers:
        if _callable_through_the_api(function):
            yield _caller_verdict(catalog, function, anonymous)


@rule(
    "FUN006",
    "definer-callable-by-authenticated",
    clause="2.2",
    severity=Severity.MEDIUM,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER function that every signed-in user can call through the Data API",
    why=(
        f"Every user of the project can call it. {_WHO_MAY_CALL} {_HELPER} "
        "What role anon can call as well is reported once, as the worse of the two: see definer-callable-by-anon."
    ),
    how_to_fix=_HOW_TO_CLOSE,
    references=("splinter:authenticated_security_definer_function_executable", "cwe:269", "cwe:862"),
    patch=PatchKind.SQL,
    requires=_REQUIRED,
    violating="""
create function public.close_day() returns void language sql security definer set search_path = '' as 'select';
comment on function public.close_day() is 'platformkit:definer updates every tenant';
grant execute on function public.close_day() to authenticated;
""",
    clean="""
create schema private;
grant usage on schema private to authenticated;
create function private.tenants_of_caller() returns setof uuid language sql stable security definer
  set search_path = '' as 'select id from public.tenants';
comment on function private.tenants_of_caller() is 'platformkit:definer policies call it; it reads what callers may not';
grant execute on function private.tenants_of_caller() to authenticated;
""",
    revision=2,
)
def definer_callable_by_authenticated(catalog: Catalog) -> Verdicts:
    if not catalog.has_role("authenticated"):
        return
    for function in catalog.definers:
        if not _callable_through_the_api(function):
            continue
        verdict = _caller_verdict(catalog, function, "authenticated")
        if verdict is None or _caller_verdict(catalog, function, "anon") is None:
            yield verdict
        # else role anon gets in as well, and the rule before says so


def _callable_through_the_api(function: Function) -> bool:
    """The Data API has functions only, and PostgreSQL itself refuses to call one that returns `trigger`."""
    return function.kind == "function" and not function.returns_trigger


def _caller_verdict(catalog: Catalog, function: Function, role: str) -> Verdict | None:
    """May `role` call the function through the Data API without need?"""
    exposed = catalog.is_exposed(function.schema)
    if exposed is False or not catalog.may_execute(role, function):
        return PASSED
    called = catalog.policies_calling.get(id(function), ())
    calling = [p for p, _ in called]
    helped = [p for p in calling if role == PUBLIC or role in catalog.clients_of(p)]
    if any(certain for p, certain in called if p in helped) and _has_a_reason(function):
        return PASSED
    identity = identity_of_function(function)
    evidence = _evidence(catalog, function, calling)
    if helped and _has_a_reason(function):
        return unknown(
            identity,
            f"{_named(role)} may call {identity} through the Data API, and whether {_policies(helped)} it or another function of its "
            "name cannot be told",
            **evidence,
        )
    if exposed is None:
        return unknown(identity, f"{_named(role)} may execute {identity}, but {exposure_unknown(function.schema)}", **evidence)
    message = f"{_named(role)} may call {identity} through the Data API; it runs with the rights of {function.owner}"
    if helped:
        message += (
            f". {_policies(helped)} it, so a revoke of EXECUTE would break the policy: "
            "move the function to a schema that is not exposed, or say in its comment why it is safe"
        )
    elif calling:
        message += f". {_policies(calling)} it, though not for this role: whoever the policy applies to has to keep EXECUTE"
    return failed(identity, message, **evidence)


def _named(role: str) -> str:
    return {"anon": "anybody (role anon)", "authenticated": "every signed-in user (role authenticated)"}.get(role, "every role (PUBLIC)")


def _has_a_reason(function: Function) -> bool:
    use = directive_in(function.comment, Directive.DEFINER)
    return use is not None and bool(use.reason)


def _policies(policies: Sequence[Policy]) -> str:
    shown = [str(member_identity("policy", p.schema, p.relation, p.name)) for p in policies[:_LISTED]]
    more = f" and {len(policies) - _LISTED} more" if len(policies) > _LISTED else ""
    return f"{'Policies' if len(policies) > 1 else 'Policy'} {', '.join(shown)}{more} call{'' if len(policies) > 1 else 's'}"


def _evidence(catalog: Catalog, function: Function, calling: Sequence[Policy]) -> dict[str, Any]:
    callers = [role for role in catalog.client_roles if catalog.may_execute(role, function)]
    granted = {p.grantee for p in function.privileges if p.privilege == "EXECUTE"}
    evidence: dict[str, Any] = {
        "callable_by": callers,
        "granted_through": sorted(granted & frozenset().union(*(catalog.acts_as(role) for role in callers))),
        "owner": function.owner,
        "language": function.language,
    }
    if calling:
        evidence["called_by_policies"] = [str(member_identity("policy", p.schema, p.relation, p.name)) for p in calling[:_LISTED]]
        evidence["called_by_policies_count"] = len(calling)
    return evidence


@rule(
    "FUN007",
    "definer-owner-too-powerful",
    clause="2.2",
    severity=Severity.MEDIUM,
    family=Family.FUNCTIONS,
    title="SECURITY DEFINER function owned by a superuser, or by a role that callers can become",
    why=(
        "The owner's rights are what an error in the body gives away. A superuser's include the server's files and programs. An owner that "
        "a client role is a member of is no boundary at all: callers can become the owner and put another body in the function's place."
    ),
    how_to_fix=(
        "`alter function ... owner to <a role without login that owns nothing else>` and grant it what the body needs; "
        "`revoke <the owner> from anon, authenticated`."
    ),
    references=("cwe:250", "cwe:269"),
    requires=(CatalogKind.FUNCTIONS, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS),
    violating="""
create function public.f() returns void language sql security definer set search_path = '' as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
revoke execute on function public.f() from public, anon, authenticated;
""",
    clean="""
create function public.f() returns void language sql security definer set search_path = '' as 'select';
comment on function public.f() is 'platformkit:definer reads memberships, which callers may not read';
revoke execute on function public.f() from public, anon, authenticated;
alter function public.f() owner to postgres;
""",
    example_role="supabase_admin",
)
def definer_owner_too_powerful(catalog: Catalog) -> Verdicts:
    for function in catalog.definers:
        superuser = catalog.is_superuser(function.owner)
        clients = catalog.clients_becoming.get(function.owner, ())
        if not superuser and not clients:
            yield PASSED
            continue
        identity = identity_of_function(function)
        what = "a superuser" if superuser else f"a role that {_listed(clients)} can become"
        yield failed(
            identity,
            f"{identity} is SECURITY DEFINER and runs with the rights of {function.owner}, {what}",
            owner=function.owner,
            superuser=superuser,
            client_members=list(clients),
        )


def _listed(roles: tuple[str, ...]) -> str:
    return " and ".join("every role" if role == PUBLIC else role for role in roles)
