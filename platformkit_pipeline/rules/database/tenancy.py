"""Tenancy: clauses 1.1, 2.1 and 5.1. A table is tenant-scoped unless somebody declared otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Policy, Relation
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog, identity_of
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, not_applicable, rule, unknown
from platformkit_pipeline.sqltext.confinement import (
    Confinement,
    HelperFunction,
    Judgement,
    TenantTerms,
    all_of,
    any_of,
    judge_expression,
)

_TextOf = Callable[[Policy], str | None]
_JudgeText = Callable[[str], Judgement]
_ARGUMENT = re.compile(r'(?:(?:IN|INOUT|VARIADIC)\s+)?(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^\s"]+))\s+\S')


@rule(
    "TEN001",
    "tenant-column-missing",
    clause="5.1",
    severity=Severity.HIGH,
    family=Family.TENANCY,
    title="Tenant-scoped table without the tenant column",
    why="Without a tenant column no policy can confine rows to a tenant, and isolation rests on the application alone.",
    how_to_fix=(
        "Add the tenant column (uuid, NOT NULL) and fill it, or declare the table: "
        "`comment on table ... is 'platformkit:not-tenant-scoped <reason>'`. A project with a single tenant says so in its settings."
    ),
    references=("cwe:639",),
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS),
    violating="create table public.orders (id uuid primary key);",
    clean="create table public.orders (id uuid primary key, tenant_id uuid not null);",
)
def tenant_column_missing(catalog: Catalog) -> Verdicts:
    tenancy = catalog.declarations.tenancy
    for table in catalog.root_tables:
        identity = identity_of(table)
        use = directive_in(table.comment, Directive.NOT_TENANT_SCOPED)
        if use and not use.reason:
            yield failed(identity, f"the comment of {identity} says platformkit:not-tenant-scoped without a reason")
        elif reason := _not_scoped(catalog, table):
            yield not_applicable(identity, reason)
        elif catalog.column(table, tenancy.column):
            yield PASSED
        else:
            yield failed(identity, f"{identity} has no column {tenancy.column}", columns=[c.name for c in catalog.columns_of(table)][:20])


@rule(
    "TEN002",
    "tenant-column-type",
    clause="5.1",
    severity=Severity.HIGH,
    family=Family.TENANCY,
    title="Tenant column is not uuid NOT NULL",
    why="A nullable tenant column makes rows that belong to nobody; another type makes the comparison with the claim a matter of casts.",
    how_to_fix="Fill the missing values, then `alter table ... alter column ... set not null`; change a type together with its data.",
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS),
    violating="create table public.orders (id uuid primary key, tenant_id text);",
    clean="create table public.orders (id uuid primary key, tenant_id uuid not null);",
)
def tenant_column_type(catalog: Catalog) -> Verdicts:
    name = catalog.declarations.tenancy.column
    for table in catalog.root_tables:
        column = catalog.column(table, name)
        if column is None:
            continue
        identity = member_identity("column", table.schema, table.name, name)
        faults = [*([f"is {column.type}, not uuid"] if column.type != "uuid" else []), *([] if column.not_null else ["may be NULL"])]
        if reason := _not_scoped(catalog, table):
            yield not_applicable(identity, reason)
        elif faults:
            yield failed(identity, f"{identity} {' and '.join(faults)}", type=column.type, not_null=column.not_null)
        else:
            yield PASSED


@rule(
    "TEN003",
    "tenant-policy-missing",
    clause="5.1",
    severity=Severity.CRITICAL,
    family=Family.TENANCY,
    title="Policies do not confine rows to the caller's tenant",
    why="A caller of one tenant reads or writes rows of another: the leak that row level security is there to prevent.",
    how_to_fix=(
        "Let every permissive policy compare the tenant column with the claim, `tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid`, "
        "or add a restrictive policy that does. Tables that map users to tenants are declared under tenancy.membership_tables."
    ),
    references=("cwe:639", "cwe:863"),
    requires=(
        CatalogKind.RELATIONS,
        CatalogKind.COLUMNS,
        CatalogKind.POLICIES,
        CatalogKind.FUNCTIONS,
        CatalogKind.ROLES,
        CatalogKind.ROLE_MEMBERSHIPS,
    ),
    violating="create policy orders_signed_in on public.orders to authenticated using ((select auth.uid()) is not null);",
    clean="""
create policy orders_of_tenant on public.orders to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    revision=2,
)
def tenant_policy_missing(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:  # a partition with policies of its own is a door of its own
        policies = [p for p in catalog.policies_of(table) if catalog.clients_of(p)]
        if not table.row_security or not policies or not catalog.column(table, catalog.declarations.tenancy.column):
            continue  # RLS001, RLS003 and TEN001 speak about those
        identity = identity_of(table)
        if reason := _not_scoped(catalog, table):
            yield not_applicable(identity, reason)
            continue
        owners = [r for r in catalog.client_roles if table.owner in catalog.acts_as(r)] if not table.force_row_security else []
        if owners:
            yield failed(identity, f"{identity} belongs to {', '.join(owners)}: its policies do not bind the owner", owner=table.owner)
            continue
        judged = _judge_commands(catalog, table, policies)
        leaking = [c for c, j in judged.items() if j.confinement is Confinement.OPEN]
        undecided = {c: j.reason for c, j in judged.items() if j.confinement is Confinement.UNDECIDABLE}
        texts = {p.name: {"command": p.command, "roles": list(p.roles), "using": p.using, "with_check": p.with_check} for p in policies}
        if leaking:
            yield failed(
                identity,
                f"the policies of {identity} do not confine {', '.join(leaking)} to the caller's tenant",
                commands=leaking,
                policies=texts,
                reachable_by=catalog.reach(table),
            )
        elif undecided:
            reasons = "; ".join(sorted(set(undecided.values())))
            yield unknown(identity, f"whether {identity} confines {', '.join(undecided)} cannot be told: {reasons}", policies=texts)
        else:
            yield PASSED


def _not_scoped(catalog: Catalog, table: Relation) -> str | None:
    """Why the table is declared to be outside the tenant model; None when it is inside. A partition is what its parent is."""
    if catalog.declarations.tenancy.not_applicable_reason:
        return f"the project is declared to have a single tenant: {catalog.declarations.tenancy.not_applicable_reason}"
    use = directive_in(table.comment, Directive.NOT_TENANT_SCOPED)
    if use and use.reason:
        return f"declared not tenant-scoped: {use.reason}"
    parent = catalog.relations.get(table.parents[0]) if table.is_partition and table.parents else None
    return _not_scoped(catalog, parent) if parent else None


def _judge_commands(catalog: Catalog, table: Relation, policies: list[Policy]) -> dict[str, Judgement]:
    """Combine policies as PostgreSQL does, (permissive OR ...) AND restrictive AND ..., for the worst-off client role."""
    terms = _terms(catalog, table)
    judge = cache(lambda text: judge_expression(text, terms))
    return {
        command: any_of(_judge_for_role(catalog, policies, command, role, judge) for role in catalog.client_roles) for command in COMMANDS
    }


def _judge_for_role(catalog: Catalog, policies: list[Policy], command: str, role: str, judge: _JudgeText) -> Judgement:
    applying = [p for p in policies if p.command in ("ALL", command) and role in catalog.clients_of(p)]
    parts = []
    if command != "INSERT":
        parts.append(_judge_side(applying, lambda p: p.using, judge))
    if command in ("INSERT", "UPDATE"):
        parts.append(_judge_side(applying, lambda p: p.with_check or p.using, judge))
    return any_of(parts)


def _judge_side(applying: list[Policy], text_of: _TextOf, judge: _JudgeText) -> Judgement:
    def judged(*, permissive: bool) -> Iterator[Judgement]:
        for policy in applying:
            if policy.permissive is permissive and (text := text_of(policy)) is not None:
                yield judge(text)

    # without a permissive condition no row passes; a restrictive policy without a condition for this side asks for nothing
    return all_of([any_of(judged(permissive=True)), *judged(permissive=False)])


def _terms(catalog: Catalog, table: Relation) -> TenantTerms:
    tenancy = catalog.declarations.tenancy
    qualified = {name if "." in name else f"public.{name}" for name in tenancy.membership_tables}
    bare = {name.split(".", 1)[1] for name in qualified if name.startswith(("public.", f"{table.schema}."))}

    def find_helper(name: tuple[str, ...]) -> HelperFunction | None:
        candidates = catalog.functions_named(name[-1], name[-2] if len(name) > 1 else None)
        if len(candidates) != 1:
            return None
        function = candidates[0]
        return HelperFunction(
            language=function.language,
            body=function.sql_body or function.body,
            definition=function.definition,
            argument_names=tuple(_argument_names(function.arguments)),
        )

    return TenantTerms(
        relation=table.name,
        column=tenancy.column,
        claim=tenancy.claim,
        membership_tables=frozenset(qualified | bare),
        find_helper=find_helper,
        columns_of=catalog.column_names,
    )


def _argument_names(arguments: str) -> Iterator[str]:
    """Input arguments out of `pg_get_function_identity_arguments`: their names, "" for one without. OUT arguments are not passed."""
    for argument in _split_arguments(arguments):
        if argument.startswith("OUT "):
            continue
        match = _ARGUMENT.match(argument)
        if match is None:
            yield ""
        else:
            yield match["quoted"].replace('""', '"') if match["quoted"] else match["plain"]


def _split_arguments(arguments: str) -> Iterator[str]:
    depth, start, quoted = 0, 0, False
    for position, character in enumerate(arguments):
        quoted ^= character == '"'
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0 and not quoted:
            yield arguments[start:position].strip()
            start = position + 1
    if arguments[start:].strip():
        yield arguments[start:].strip()
