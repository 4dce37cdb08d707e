"""Policies that lead back to themselves. Clause 2.1.

PostgreSQL refuses a query when the policies that it needs read a table whose policies are being put in already, and a
function that a policy calls runs until the stack is full. Who reads decides: policies do not bind a role that bypasses
them, so a SECURITY DEFINER helper of the table's owner ends the circle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import PUBLIC, CatalogKind, Function, Policy, Relation, RelationKind
from platformkit_pipeline.rules.database.called_functions import ColumnTypes, own_functions
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.rules.database.policy_expressions import (
    facts_of_body,
    policy_identity,
)
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.expression_facts import ExpressionFacts, Path, facts_of
from platformkit_pipeline.sqltext.identifiers import identifier, qualified, schemas_in_path
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})
_VIEWS = frozenset({RelationKind.VIEW})


@rule(
    "RLS019",
    "policy-recursion",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy reads its own table",
    why=(
        "To evaluate the policy PostgreSQL would have to apply the policy. It gives up with `infinite recursion detected in policy`, "
        "or, where a function stands between, with `stack depth limit exceeded`: nobody whom the policy binds can use the table."
    ),
    how_to_fix=(
        "Move the look-up into a SECURITY DEFINER function with a fixed search_path, owned by the owner of the table or by a role with "
        "BYPASSRLS, and call that; or decide from the row's own columns and the caller's claims."
    ),
    references=("cwe:674",),
    requires=(
        CatalogKind.RELATIONS,
        CatalogKind.POLICIES,
        CatalogKind.FUNCTIONS,
        CatalogKind.ROLES,
        CatalogKind.ROLE_MEMBERSHIPS,
        CatalogKind.VIEW_DEPENDENCIES,
        CatalogKind.COLUMNS,
    ),
    violating="""
alter policy own_tenant on public.tenants
  using (id in (select t.id from public.tenants t where t.id = ((select auth.jwt()) ->> 'tenant_id')::uuid));
""",
    clean="""
create function public.my_tenants() returns setof uuid language sql stable security definer set search_path = ''
  as $f$ select id from public.tenants where id = (auth.jwt() ->> 'tenant_id')::uuid $f$;
comment on function public.my_tenants() is 'platformkit:definer reads public.tenants without its policies, which call it';
grant execute on function public.my_tenants() to authenticated;
alter policy own_tenant on public.tenants using (id in (select public.my_tenants()));
""",
    revision=2,
)
def policy_recursion(catalog: Catalog) -> Verdicts:
    graph = _Graph(catalog)
    for table, policy in catalog.project_policies:
        if not table.row_security:
            continue  # RLS002 speaks about it
        route, certain = graph.way_back(table, policy)
        if route is None:
            yield PASSED
        elif route is _TOO_LONG:
            yield unknown(
                policy_identity(policy),
                f"whether policy {identifier(policy.name)} on {qualified(policy.schema, policy.relation)} leads back to itself was not "
                f"followed to the end: it reads more than {MAX_READS} tables through other policies",
            )
        elif not certain:
            yield unknown(
                policy_identity(policy),
                f"policy {identifier(policy.name)} on {qualified(policy.schema, policy.relation)} leads back to itself if a call means one "
                f"of several functions of that name: it reads {', which reads '.join(route)}",
            )
        else:
            name = f"{identifier(policy.name)} on {qualified(policy.schema, policy.relation)}"
            yield failed(
                policy_identity(policy),
                f"policy {name} leads back to itself: it reads {', which reads '.join(route)}",
                route=list(route),
                command=policy.command,
                roles=list(policy.roles),
                using=policy.using,
                with_check=policy.with_check,
            )


class _Read(NamedTuple):
    """A table is read by `role`, whom its policies bind. `rewritten`: in the statement itself, not in a function that it calls."""

    table: Name
    role: str
    rewritten: bool


class _Step(NamedTuple):
    read: _Read
    names: tuple[str, ...]
    """What is read and called on the way, the table last."""
    certain: bool = True
    """No call on the way leaves open which of several functions it means."""


MAX_READS = 100
"""Tables that are followed from one expression. Longer chains of policies would take quadratic time, and have no readers."""
_TOO_LONG: tuple[str, ...] = ("...",)


class _Asked(NamedTuple):
    """An expression, by whom it is evaluated, and the types of its table's columns where calls may depend on them."""

    text: str
    role: str
    types: ColumnTypes


_Routes = dict[_Read, tuple[_Read | None, tuple[str, ...]]]
"""What an expression reads, directly or through policies: where from, and the names on that step."""


class _Graph:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._called = catalog.called_functions
        self._routes_known: dict[tuple[_Asked, bool], _Routes] = {}
        self._cut: set[tuple[_Asked, bool]] = set()
        """Expressions that lead to more tables than are followed, by whichever steps were taken."""
        self._untyped: dict[tuple[str, str], _Asked] = {}
        """Expressions that mean the same whatever the types of the table's columns are."""
        self._harmless: dict[tuple[str | None, str | None, tuple[str, ...]], bool] = {}
        """Policies that read alike → they lead nowhere, on whatever table they stand."""
        self._doubtful = False
        """Some call leaves open which of several functions it means."""
        self._steps_known: dict[_Asked, tuple[_Step, ...]] = {}
        self._behind_known: dict[tuple[Name, str], tuple[_Step, ...]] = {}
        self._silent: dict[str, bool] = {}
        self._applying: dict[tuple[Name, str], tuple[Policy, ...]] = {}

    def way_back(self, table: Relation, policy: Policy) -> tuple[tuple[str, ...] | None, bool]:
        """The shortest way on which the policy leads to its own table again; None when there is none, `_TOO_LONG` when nobody knows.

        And whether it is certain: no call on it leaves open which of several functions it means.
        """
        if self._leads_nowhere(table, policy):
            return None, True
        found = self._way_back(table, policy, certain=True)
        if found is not None or not self._doubtful:
            return found, True
        return self._way_back(table, policy, certain=False), False

    def _leads_nowhere(self, table: Relation, policy: Policy) -> bool:
        """Whoever it binds: most policies ask for the caller and read no table."""
        key = (policy.using, policy.with_check, policy.roles)
        known = self._harmless.get(key)
        if known is None:
            known = self._harmless[key] = not any(
                self._called.depends_on_types(text) or self._steps(self._asked(table, text, role))
                for text in self._reading_texts(policy)
                for role in self._named(policy)
            )
        return known

    def _way_back(self, table: Relation, policy: Policy, *, certain: bool) -> tuple[str, ...] | None:
        cut = False
        for text in self._reading_texts(policy):
            for role in self._bound(table, policy):
                asked = self._asked(table, text, role)
                routes = self._routes(asked, certain=certain)
                cut = cut or (asked, certain) in self._cut
                for read in routes:
                    if read.table == (table.schema, table.name) and self._repeats(read, policy):
                        return _names_on_the_way(routes, read)
        return _TOO_LONG if cut else None

    def _repeats(self, read: _Read, policy: Policy) -> bool:
        """Reading the policy's table again cannot end.

        The same policy applies again; or the statement is still being rewritten, where it is enough that one of the
        table's policies has a sub-select, `(select auth.uid())` included.
        """
        applying = self._policies_for(read.table, read.role)
        return policy in applying or (read.rewritten and any(_has_sub_select(p.using) for p in applying))

    def _bound(self, table: Relation, policy: Policy) -> tuple[str, ...]:
        """Roles that the policy binds; the client roles stand for PUBLIC."""
        return tuple(role for role in self._named(policy) if not self._catalog.bypasses_policies_of(role, table))

    def _named(self, policy: Policy) -> dict[str, None]:
        return dict.fromkeys(role for name in policy.roles for role in (self._catalog.client_roles if name == PUBLIC else (name,)))

    def _reading_texts(self, policy: Policy) -> dict[str, None]:
        return dict.fromkeys(t for t in (policy.using, policy.with_check) if t is not None and not self._reads_nothing(t))

    def _reads_nothing(self, text: str) -> bool:
        known = self._silent.get(text)
        if known is None:
            facts = _facts(text)
            known = facts is None or not (facts.relations or any(own_functions(self._called.called(call.shape)) for call in facts.calls))
            self._silent[text] = known
        return known

    def _asked(self, table: Relation, text: str, role: str) -> _Asked:
        known = self._untyped.get((text, role))
        if known is not None:
            return known
        typed = _facts(text) is not None and self._called.depends_on_types(text)
        asked = _Asked(text, role, self._called.types_for(table, text) if typed else ())
        if not typed:
            self._untyped[(text, role)] = asked
        return asked

    def _routes(self, asked: _Asked, *, certain: bool) -> _Routes:
        """Breadth first, so that the first way to a table is a shortest one. `certain`: only by steps that are."""
        key = (asked, certain)
        if key in self._routes_known:
            return self._routes_known[key]
        found: _Routes = {}
        waiting: deque[_Read] = deque()
        for step in self._steps(asked):
            if step.read not in found and (step.certain or not certain):
                found[step.read] = (None, step.names)
                waiting.append(step.read)
        while waiting and len(found) < MAX_READS:
            read = waiting.popleft()
            for step in self._behind(read.table, read.role):
                more = step.read if read.rewritten else step.read._replace(rewritten=False)
                if more not in found and (step.certain or not certain):
                    found[more] = (read, step.names)
                    waiting.append(more)
        if waiting:
            self._cut.add(key)
        self._routes_known[key] = found
        return found

    def _behind(self, table: Name, role: str) -> tuple[_Step, ...]:
        """What the policies of a table read when `role` selects from it."""
        key = (table, role)
        known = self._behind_known.get(key)
        if known is None:
            texts = dict.fromkeys(p.using for p in self._policies_for(table, role) if p.using is not None)
            relation = self._catalog.relations[table]
            known = tuple(step for text in texts for step in self._steps(self._asked(relation, text, role)))
            self._behind_known[key] = known
        return known

    def _steps(self, asked: _Asked) -> tuple[_Step, ...]:
        """What an expression reads itself, or in the functions that it calls and that they call."""
        known = self._steps_known.get(asked)
        if known is None:
            known = self._steps_known[asked] = () if self._reads_nothing(asked.text) else tuple(self._find_steps(asked))
        return known

    def _find_steps(self, asked: _Asked) -> Iterator[_Step]:
        facts = _facts(asked.text)
        waiting: deque[tuple[ExpressionFacts, str, tuple[str, ...], Function | None, bool]] = deque()
        if facts is not None:
            waiting.append((facts, asked.role, (), None, True))
        called: set[tuple[int, str, bool]] = set()
        while waiting:
            facts, reader, names, inside, certain = waiting.popleft()
            for table, as_role, shown in self._tables_read(facts, reader, inside):
                yield _Step(_Read((table.schema, table.name), as_role, inside is None), (*names, shown), certain)
            for function, sure in self._functions_run(facts, inside, asked.types):
                runs_as = function.owner if function.security_definer else reader
                call = (id(function), runs_as, certain and sure)
                if call not in called and (body := _facts_of_body(function)) is not None:
                    called.add(call)
                    name = f"function {qualified(function.schema, function.name)}({function.arguments})"
                    waiting.append((body, runs_as, (*names, name), function, certain and sure))

    def _tables_read(self, facts: ExpressionFacts, role: str, inside: Function | None) -> Iterator[tuple[Relation, str, str]]:
        """Tables whose policies bind the reader, and as whom they are read: behind a view that may be its owner."""
        for name in sorted(facts.relations):
            relation = self._relation(name, inside)
            if relation is None:
                continue
            shown = qualified(relation.schema, relation.name)
            if relation.kind in _TABLES:
                yield from self._if_bound(relation, role, shown)
            elif relation.kind in _VIEWS:
                for access in sorted(self._catalog.view_rights.accesses(relation, role)):
                    table = self._catalog.relations[access.table]
                    if table.kind in _TABLES:
                        yield from self._if_bound(table, access.role, f"{qualified(*access.table)} (behind the view {shown})")

    def _if_bound(self, table: Relation, role: str, step: str) -> Iterator[tuple[Relation, str, str]]:
        if table.row_security and not self._catalog.bypasses_policies_of(role, table):
            yield table, role, step

    def _relation(self, name: Path, inside: Function | None) -> Relation | None:
        """The server prints policies with schemas; in a body that somebody wrote the function's search_path decides."""
        if len(name) > 1:
            return self._catalog.relations.get((name[-2], name[-1]))
        path = dict(inside.settings).get("search_path", "public") if inside else "public"
        return next((r for schema in schemas_in_path(path) if (r := self._catalog.relations.get((schema, name[0]))) is not None), None)

    def _functions_run(self, facts: ExpressionFacts, inside: Function | None, types: ColumnTypes) -> Iterator[tuple[Function, bool]]:
        """Functions that may be called, and whether that is certain."""
        for shape in dict.fromkeys(call.shape for call in facts.calls):
            found = own_functions(self._called.called(shape, inside, types))
            self._doubtful = self._doubtful or len(found) > 1
            for function in found:
                yield function, len(found) == 1

    def _policies_for(self, table: Name, role: str) -> tuple[Policy, ...]:
        """Policies that apply when `role` selects from the table."""
        key = (table, role)
        known = self._applying.get(key)
        if known is None:
            names = self._catalog.acts_as(role)
            policies = self._catalog.policies_of(self._catalog.relations[table])
            known = tuple(p for p in policies if p.command in ("ALL", "SELECT") and not names.isdisjoint(p.roles))
            self._applying[key] = known
        return known


def _names_on_the_way(routes: _Routes, read: _Read) -> tuple[str, ...]:
    names: tuple[str, ...] = ()
    before: _Read | None = read
    while before is not None:
        before, step = routes[before]
        names = (*step, *names)
    return names


def _facts(text: str | None) -> ExpressionFacts | None:
    """None for text that does not parse: other rules speak about it."""
    try:
        return facts_of(text) if text is not None else None
    except SqlSyntaxError:
        return None


def _facts_of_body(function: Function) -> ExpressionFacts | None:
    try:
        return facts_of_body(function)
    except SqlSyntaxError:
        return None


def _has_sub_select(text: str | None) -> bool:
    facts = _facts(text)
    return facts is not None and facts.sub_selects
