"""Partitions and tables that inherit: what is open on one level though it is protected on another. Clause 2.1."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Relation
from platformkit_pipeline.rules.database.api_exposure import GRANT_KINDS
from platformkit_pipeline.rules.database.catalog import ANY_COMMAND, Catalog, Name, exposure_unknown, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.truth import is_tautology

_OF_ROWS = frozenset({"SELECT", "UPDATE", "DELETE"})
"""Commands that a parent passes on to the rows of its children."""

_LISTED = 20
"""Names in the evidence of a finding; the count beside them is complete."""


@rule(
    "RLS017",
    "partition-bypasses-rls",
    clause="2.1",
    severity=Severity.CRITICAL,
    family=Family.ROW_LEVEL_SECURITY,
    title="A partition or child table can be reached without its parent's protection",
    why=(
        "Policies of a parent hold for queries of the parent. A partition, or a table that inherits from it, is a table of its own: "
        "whoever holds a privilege on it reads its rows by its own name, and its row level security is off. It works the other way as "
        "well: a query of the parent returns the rows of its children, and neither their privileges nor their policies are asked. A "
        "parent that is open, or more open than a child, opens the child."
    ),
    how_to_fix=(
        "`alter table <child> enable row level security`: without policies it is closed to client roles, and they go through the parent. "
        "Revoke their privileges on it as well. New partitions need the same: put it into whatever makes them. Where the parent is "
        "reported: enable row level security there, with policies that are no wider than those of its children, or revoke it from client "
        "roles."
    ),
    references=("cwe:863",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.POLICIES, *GRANT_KINDS),
    revision=2,
    violating="""
create table public.readings (
  id uuid not null,
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id, created_at)
) partition by range (created_at);
create index on public.readings (tenant_id);
create trigger touch before update on public.readings for each row execute function public.touch_updated_at();
alter table public.readings enable row level security;
create policy readings_of_tenant on public.readings for select to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
grant select on public.readings to authenticated;
create table public.readings_of_all_time partition of public.readings default;
grant select on public.readings_of_all_time to authenticated;
""",
    clean="""
create table public.readings (
  id uuid not null,
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id, created_at)
) partition by range (created_at);
create index on public.readings (tenant_id);
create trigger touch before update on public.readings for each row execute function public.touch_updated_at();
alter table public.readings enable row level security;
create policy readings_of_tenant on public.readings for select to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
grant select on public.readings to authenticated;
create table public.readings_of_all_time partition of public.readings default;
alter table public.readings_of_all_time enable row level security;
""",
    also_fires=("RLS001",),
)
def partition_bypasses_rls(catalog: Catalog) -> Verdicts:
    open_children = set[Name]()
    below: dict[Name, list[Relation]] = defaultdict(list)
    for child in catalog.tables:
        if not child.parents:
            continue
        above = _ancestors(catalog, child)
        if child.row_security:
            for parent in above:
                below[(parent.schema, parent.name)].append(child)
        protected = [parent for parent in above if parent.row_security]
        if not protected or catalog.is_exposed(child.schema) is False:
            continue
        clients = () if child.row_security else catalog.clients_holding(child, ANY_COMMAND)
        if not clients:
            yield PASSED
            continue
        open_children.add((child.schema, child.name))
        reach = catalog.reach(child)
        parents = [str(identity_of(parent)) for parent in protected]
        message = f"{identity_of(child)} has no row level security, though {', '.join(parents)} above it has: {_every_row(reach)}"
        yield _verdict(catalog, child, message, parents=parents, reachable_by=reach)
    judge = _ParentJudge(catalog)
    for name, children in below.items():
        if name in catalog.table_names and name not in open_children:
            yield judge.verdict(catalog.relations[name], children)


def _ancestors(catalog: Catalog, child: Relation) -> list[Relation]:
    """Tables above `child`, nearest first."""
    found: list[Relation] = []
    seen, waiting = set(child.parents), list(child.parents)
    for name in waiting:
        parent = catalog.relations.get(name)
        if parent is None:
            continue
        found.append(parent)
        waiting += [n for n in parent.parents if n not in seen]
        seen.update(parent.parents)
    return found


def _every_row(reach: dict[str, list[str]]) -> str:
    return "; ".join(f"{role} may {', '.join(commands)} every row" for role, commands in reach.items())


def _verdict(catalog: Catalog, table: Relation, message: str, **evidence: Any) -> Verdict:
    if catalog.is_exposed(table.schema) is None:
        return unknown(identity_of(table), f"{message}; {exposure_unknown(table.schema)}", **evidence)
    return failed(identity_of(table), message, **evidence)


class _ParentJudge:
    """Compares a parent with children that have row level security. Many partitions have the policies of one: they are compared once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[object, ...], dict[_Way, bool]] = {}

    def verdict(self, parent: Relation, children: list[Relation]) -> Verdict | None:
        """`children` have row level security."""
        catalog = self._catalog
        if catalog.is_exposed(parent.schema) is False or not catalog.clients_holding(parent, _OF_ROWS):
            return PASSED
        opened, doubtful = list[Relation](), list[Relation]()
        reach: dict[str, list[str]] = {}
        for child in children:
            answers = self._answers(parent, child)
            certain = [way for way, sure in answers.items() if sure]
            if answers:
                (opened if certain else doubtful).append(child)
            for role, command in certain:
                if command not in reach.setdefault(role, []):
                    reach[role].append(command)
        identity = identity_of(parent)
        if opened:
            ways = "; ".join(f"{role} may {', '.join(commands)} there" for role, commands in reach.items())
            message = f"{identity} opens rows of {_listed_in_words(opened)}, whose own protection is not asked: {ways}"
            return _verdict(
                catalog, parent, message, row_security=parent.row_security, children=_names(opened), count=len(opened), reachable_by=reach
            )
        if doubtful:
            message = (
                f"whether {identity} opens rows of {_listed_in_words(doubtful)} cannot be told: their policies are others than its own"
            )
            return unknown(identity, message, children=_names(doubtful), count=len(doubtful))
        return PASSED

    def _answers(self, parent: Relation, child: Relation) -> dict[_Way, bool]:
        """Ways by which the parent lets clients at rows of the child that the child does not show; False where that cannot be told."""
        catalog = self._catalog
        scoped = catalog.is_tenant_scoped(parent) and catalog.is_tenant_scoped(child)
        own = tuple((p.command, p.permissive, p.roles, p.using) for p in catalog.policies_of(child))
        key = (parent.schema, parent.name, scoped, own)
        if key not in self._known:
            compared = {
                (role, command): self._opens(parent, child, role, command, scoped)
                for role in catalog.client_roles
                for command in catalog.commands_open_to(role, parent)
                if command in _OF_ROWS
            }
            self._known[key] = {way: sure for way, sure in compared.items() if sure is not None}
        return self._known[key]

    def _opens(self, parent: Relation, child: Relation, role: str, command: str, scoped: bool) -> bool | None:
        above, below = (_Applying.of(self._catalog, table, role, command) for table in (parent, child))
        try:
            if below.show_everything():
                return None
            if not parent.row_security:
                return True
            # A child without policies for client roles is a second lock: they are meant to go through the parent.
            if not above.permissive or not any(p.permissive and self._catalog.clients_of(p) for p in self._catalog.policies_of(child)):
                return None
            if above.show_everything():
                return True
        except SqlSyntaxError:
            return False
        # Whether the parent's policies keep to the tenant is the business of the rule about them.
        return None if scoped or above.show_no_more_than(below) else False


_Way = tuple[str, str]
"""(client role, command)."""


class _Applying(NamedTuple):
    """Conditions of the policies of one table for one role and command."""

    permissive: frozenset[str]
    restrictive: frozenset[str]

    @classmethod
    def of(cls, catalog: Catalog, table: Relation, role: str, command: str) -> _Applying:
        policies = [p for p in catalog.policies_of(table) if p.command in ("ALL", command) and role in catalog.clients_of(p)]
        permissive, restrictive = (frozenset(p.using for p in policies if p.using and p.permissive is kind) for kind in (True, False))
        return cls(permissive, restrictive)

    def show_everything(self) -> bool:
        """Raises SqlSyntaxError."""
        return any(map(is_tautology, self.permissive)) and all(map(is_tautology, self.restrictive))

    def show_no_more_than(self, other: _Applying) -> bool:
        """As far as the conditions are the same ones."""
        return self.permissive <= other.permissive and other.restrictive <= self.restrictive


def _names(tables: list[Relation]) -> list[str]:
    return [str(identity_of(table)) for table in tables[:_LISTED]]


def _listed_in_words(tables: list[Relation]) -> str:
    names = ", ".join(_names(tables)[:3])
    return names if len(tables) <= 3 else f"{names} and {len(tables) - 3} more"
