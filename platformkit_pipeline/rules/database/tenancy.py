"""Tenancy: clauses 1.1, 2.1 and 5.1. A table is tenant-scoped unless somebody declared otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import NamedTuple

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Policy, Relation
from platformkit_pipeline.rules.database.called_functions import ColumnTypes, PolicyHelpers
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog, identity_of
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, not_applicable, rule, unknown
from platformkit_pipeline.sqltext.confinement import (
    Confinement,
    Judgement,
    TenantTerms,
    all_of,
    any_of,
    judge_expression,
)
from platformkit_pipeline.sqltext.expression_facts import CALLER_FUNCTIONS, facts_of
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_TextOf = Callable[[Policy], str | None]


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
    violating="comment on table public.tenants is null;",
    clean="comment on table public.tenants is 'platformkit:not-tenant-scoped the tenants themselves';",
)
def tenant_column_missing(catalog: Catalog) -> Verdicts:
    column = catalog.declarations.tenancy.column
    for table in catalog.root_tables:
        use = directive_in(table.comment, Directive.NOT_TENANT_SCOPED) if table.comment else None
        if use and not use.reason:
            identity = identity_of(table)
            yield failed(identity, f"the comment of {identity} says platformkit:not-tenant-scoped without a reason")
        elif reason := catalog.why_not_tenant_scoped(table):
            yield not_applicable(identity_of(table), reason)
        elif catalog.column(table, column):
            yield PASSED
        else:
            identity = identity_of(table)
            yield failed(identity, f"{identity} has no column {column}", columns=[c.name for c in catalog.columns_of(table)][:20])


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
    violating="alter table public.orders alter column tenant_id drop not null;",
    clean="alter table public.orders alter column tenant_id set not null;",
)
def tenant_column_type(catalog: Catalog) -> Verdicts:
    name = catalog.declarations.tenancy.column
    for table in catalog.root_tables:
        column = catalog.column(table, name)
        if column is None:
            continue
        if reason := catalog.why_not_tenant_scoped(table):
            yield not_applicable(member_identity("column", table.schema, table.name, name), reason)
        elif column.type == "uuid" and column.not_null:
            yield PASSED
        else:
            identity = member_identity("column", table.schema, table.name, name)
            faults = [
                *([f"is {column.type}, not uuid"] if column.type != "uuid" else []),
                *([] if column.not_null else ["may be NULL"]),
            ]
            yield failed(identity, f"{identity} {' and '.join(faults)}", type=column.type, not_null=column.not_null)


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
    patch=PatchKind.SQL,
    requires=(
        CatalogKind.RELATIONS,
        CatalogKind.COLUMNS,
        CatalogKind.POLICIES,
        CatalogKind.FUNCTIONS,
        CatalogKind.ROLES,
        CatalogKind.ROLE_MEMBERSHIPS,
        CatalogKind.SCHEMAS,
    ),
    violating="""
alter policy orders_of_tenant on public.orders
  using ((select auth.uid()) is not null) with check ((select auth.uid()) is not null);
""",
    clean="""
alter policy orders_of_tenant on public.orders
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)
  with check (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    revision=4,
)
def tenant_policy_missing(catalog: Catalog) -> Verdicts:
    column = catalog.declarations.tenancy.column
    judge = _PolicyJudge(catalog)
    acting = {role: catalog.acts_as(role) for role in catalog.client_roles}
    acted_as = frozenset().union(*acting.values())
    for table in catalog.tables:  # a partition with policies of its own is a door of its own
        if not table.row_security or not catalog.column(table, column):
            continue  # RLS001 and TEN001 speak about those
        policies = tuple([p for p in catalog.policies_of(table) if catalog.clients_of(p)])
        if not policies:
            continue  # RLS003
        if reason := catalog.why_not_tenant_scoped(table):
            yield not_applicable(identity_of(table), reason)
            continue
        if table.owner in acted_as and not table.force_row_security:
            owners = ", ".join(role for role, names in acting.items() if table.owner in names)
            identity = identity_of(table)
            yield failed(identity, f"{identity} belongs to {owners}: its policies do not bind the owner", owner=table.owner)
            continue
        judged = judge.commands_of(table, policies)
        if judged is None:
            yield PASSED
            continue
        identity = identity_of(table)
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
        else:
            reasons = "; ".join(sorted(set(undecided.values())))
            yield unknown(identity, f"whether {identity} confines {', '.join(undecided)} cannot be told: {reasons}", policies=texts)


def confine(catalog: Catalog, table: Relation, policies: tuple[Policy, ...]) -> bool:
    """`policies`, were they those of `table`, would keep every client role to rows of its own tenant."""
    return _PolicyJudge(catalog).commands_of(table, tuple(p for p in policies if catalog.clients_of(p))) is None


def unconfined_commands(catalog: Catalog, table: Relation) -> dict[str, Judgement]:
    """Command → why the policies of `table` do not keep it to rows of the caller's tenant, as TEN003 judges; empty when all do."""
    policies = tuple(p for p in catalog.policies_of(table) if catalog.clients_of(p))
    judged = _PolicyJudge(catalog).commands_of(table, policies) if policies else None
    return {c: j for c, j in (judged or {}).items() if j.confinement is not Confinement.CONFINED}


_Judged = dict[str, Judgement] | None
"""Command → judgement; None when all of them confine."""


class _Reader(NamedTuple):
    """Whose view of which table is judged, and by which column its rows belong to a tenant."""

    table: Relation
    column: str
    role: str


_WHAT_COUNTS = attrgetter("command", "permissive", "roles", "using", "with_check")


class _PolicyJudge:
    """Judges the policies of tables. Tables whose policies read alike are judged once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._called = catalog.called_functions
        self._helpers = PolicyHelpers(self._called)
        self._texts: dict[tuple[str, str, str, bool, str, str, ColumnTypes], Judgement] = {}
        self._shown: dict[tuple[str, str, str], Judgement | None] = {}
        self._reading: dict[str, bool] = {}
        self._tables: dict[tuple[object, ...], _Judged] = {}
        self._qualifiers: dict[str, frozenset[str]] = {}
        self._names: dict[tuple[object, ...], frozenset[str]] = {}
        self._calling: dict[tuple[object, ...], tuple[str, ...]] = {}
        """Policies that read alike → those of their texts that call functions or read tables."""

    def commands_of(self, table: Relation, policies: tuple[Policy, ...]) -> _Judged:
        """Combine policies as PostgreSQL does, (permissive OR ...) AND restrictive AND ..., for the worst-off client role."""
        alike = tuple(map(_WHAT_COUNTS, policies))
        names = self._names.get(alike)
        if names is None:
            texts = tuple(dict.fromkeys(text for p in policies for text in (p.using, p.with_check) if text))
            names = self._names[alike] = frozenset(name for text in texts for name in self._names_in(text))
            self._calling[alike] = tuple([text for text in texts if self._reads(text)])
        column = self._catalog.declarations.tenancy.column
        types = tuple(self._called.types_for(table, text) for text in self._calling[alike])
        key = (table.schema, self._never_null(table, column), table.name if table.name in names else "", alike, types)
        if key not in self._tables:
            self._tables[key] = self._judged(table, policies, reading=bool(self._calling[alike]))
        return self._tables[key]

    def _judged(self, table: Relation, policies: tuple[Policy, ...], *, reading: bool) -> _Judged:
        """`reading` policies are all judged, and in one order: where they lead back, reasons hang on what is judged first."""
        roles = self._catalog.client_roles
        reader = _Reader(table, self._catalog.declarations.tenancy.column, roles[0])  # what reads nothing is the same for all roles
        if not reading and all(self._confines_alone(reader, p) for p in policies if p.permissive):
            return None
        judged = {command: any_of(self._for_role(table, policies, command, role) for role in roles) for command in COMMANDS}
        return None if all(j.confinement is Confinement.CONFINED for j in judged.values()) else judged

    def _confines_alone(self, reader: _Reader, policy: Policy) -> bool:
        """Whatever it is combined with: what nearly all policies of a well-kept table do."""
        texts = (text for text in (policy.using, policy.with_check) if text is not None)
        return all(self._text(reader, text).confinement is Confinement.CONFINED for text in texts)

    def _for_role(self, table: Relation, policies: tuple[Policy, ...], command: str, role: str) -> Judgement:
        applying = [p for p in policies if p.command in ("ALL", command) and role in self._catalog.clients_of(p)]
        reader = _Reader(table, self._catalog.declarations.tenancy.column, role)
        parts = []
        if command != "INSERT":
            parts.append(self._side(reader, applying, lambda p: p.using))
        if command in ("INSERT", "UPDATE"):
            parts.append(self._side(reader, applying, lambda p: p.with_check or p.using))
        return any_of(parts)

    def _side(self, reader: _Reader, applying: list[Policy], text_of: _TextOf) -> Judgement:
        def judged(*, permissive: bool) -> Iterator[Judgement]:
            for policy in applying:
                if policy.permissive is permissive and (text := text_of(policy)) is not None:
                    yield self._text(reader, text)

        # without a permissive condition no row passes; a restrictive policy without a condition for this side asks for nothing
        return all_of([any_of(judged(permissive=True)), *judged(permissive=False)])

    def _text(self, reader: _Reader, text: str) -> Judgement:
        table, column, role = reader
        named = table.name if table.name in self._names_in(text) else ""
        reads = self._reads(text)
        types = self._called.types_for(table, text) if reads else ()
        key = (text, table.schema, column, self._never_null(table, column), named, role if reads else "", types)
        if key not in self._texts:
            self._texts[key] = judge_expression(text, self._terms(reader, types))
        return self._texts[key]

    def _reads(self, text: str) -> bool:
        """Other tables have a say, whose policies differ from role to role; a helper may read them."""
        known = self._reading.get(text)
        if known is None:
            known = self._reading[text] = _reads_or_calls(text)
        return known

    def _shown_of(self, role: str, name: str, column: str) -> Judgement | None:
        """Do the policies of the table `name` show `role` only rows whose `column` is the claim? None where none binds."""
        key = (role, name, column)
        if key not in self._shown:
            self._shown[key] = Judgement(Confinement.UNDECIDABLE, f"the policies of {name} lead back to themselves")
            self._shown[key] = self._find_shown(_named(self._catalog, name), column, role)
        return self._shown[key]

    def _find_shown(self, table: Relation | None, column: str, role: str) -> Judgement | None:
        if table is None or not table.row_security or self._catalog.bypasses_policies_of(role, table):
            return None
        policies = self._catalog.policies_of(table)
        applying = [p for p in policies if p.command in ("ALL", "SELECT") and role in self._catalog.clients_of(p)]
        judged = self._side(_Reader(table, column, role), applying, lambda p: p.using)
        if judged.confinement is Confinement.CONFINED:
            return judged
        asking = any(p.using is not None and _asks_or_calls(p.using) for p in applying)
        if judged.confinement is Confinement.OPEN and not asking:
            return judged
        why = f" ({judged.reason})" if judged.reason else ""
        name = f"{table.schema}.{table.name}"
        return Judgement(Confinement.UNDECIDABLE, f"rows are looked up in {name}, whose own policies do not plainly decide{why}")

    def _never_null(self, table: Relation, name: str) -> bool:
        column = self._catalog.column(table, name)
        return column is not None and column.not_null

    def _names_in(self, text: str) -> frozenset[str]:
        """Names that columns are qualified with: only an expression that names its table can depend on what that is called."""
        known = self._qualifiers.get(text)
        if known is None:
            known = self._qualifiers[text] = _qualifiers(text)
        return known

    def _terms(self, reader: _Reader, types: ColumnTypes) -> TenantTerms:
        table, column, role = reader
        tenancy = self._catalog.declarations.tenancy
        qualified = {name if "." in name else f"public.{name}" for name in tenancy.membership_tables}
        bare = {name.split(".", 1)[1] for name in qualified if name.startswith(("public.", f"{table.schema}."))}
        return TenantTerms(
            relation=table.name,
            column=column,
            claim=tenancy.claim,
            membership_tables=frozenset(qualified | bare),
            find_helper=lambda shape, inside: self._helpers.find(shape, inside, types),
            columns_of=self._catalog.column_names,
            never_null=self._never_null(table, column),
            shown=lambda name, its_column: self._shown_of(role, name, its_column),
        )


def _named(catalog: Catalog, name: str) -> Relation | None:
    schema, _, relation = name.rpartition(".")
    return catalog.relations.get((schema, relation))


def _reads_or_calls(text: str) -> bool:
    try:
        facts = facts_of(text)
    except SqlSyntaxError:
        return False
    return bool(facts.relations) or any(len(call.name) > 1 and call.name not in CALLER_FUNCTIONS for call in facts.calls)


def _asks_or_calls(text: str) -> bool:
    """The condition may depend on the caller: by a claim, or through a function or table that is not followed."""
    try:
        facts = facts_of(text)
    except SqlSyntaxError:
        return True
    return bool(facts.claims) or _reads_or_calls(text) or any(call.name in CALLER_FUNCTIONS for call in facts.calls)


def _qualifiers(text: str) -> frozenset[str]:
    try:
        return frozenset([column[-2] for column in facts_of(text).columns if len(column) > 1])
    except SqlSyntaxError:
        return frozenset()
