"""Views that lead callers past row level security, or to the accounts of the project: clauses 1.1 and 2.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from platformkit_pipeline.model.identity import quote_identifier
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Relation, RelationKind
from platformkit_pipeline.rules.database.catalog import ANY_COMMAND, AUTH_USERS, Catalog, Name, exposure_unknown, identity_of
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.database.view_rights import Access
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.view_queries import is_updatable

VIEW_KINDS = (
    CatalogKind.RELATIONS,
    CatalogKind.VIEW_DEPENDENCIES,
    CatalogKind.COLUMNS,
    CatalogKind.ROLES,
    CatalogKind.ROLE_MEMBERSHIPS,
    CatalogKind.SCHEMAS,
)

_READING = frozenset({"SELECT"})


@rule(
    "RLS007",
    "view-bypasses-rls",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A view leads callers past row level security",
    why=(
        "A view reads with the rights of its owner. Where that is a role that bypasses row level security, such as `postgres`, or the "
        "owner of the tables, whoever may read the view sees every row of every tenant, and writes them as well where the view is a "
        "plain copy of a table. The same goes for a tenant's table without row level security in a schema that is not exposed: the view "
        "is the way in. A view over anything else, one figure about all tenants, or rows tied to the caller are no fault."
    ),
    how_to_fix=(
        "`alter view ... set (security_invoker = on)`, so that the policies of the caller apply; the caller then needs privileges on the "
        "tables. Where the view is meant to show more than its readers may see, take it out of the exposed schemas, or give it an owner "
        "that bypasses nothing. A table behind it that has no row level security needs it first, or the view a condition such as "
        "`tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid`. PostgreSQL 14 has no such option: revoke the grants there. A view "
        "that is itself right but reads one in a schema that is not exposed is reported, because nothing else would be; the evidence "
        "names the view to change."
    ),
    references=("splinter:security_definer_view", "cwe:863"),
    patch=PatchKind.SQL,
    requires=(*VIEW_KINDS, CatalogKind.FUNCTIONS),
    revision=2,
    violating="""
create view public.order_totals as select tenant_id, sum(total) as total from public.orders group by tenant_id;
grant select on public.order_totals to authenticated;
""",
    clean="""
create view public.order_totals with (security_invoker = on) as
  select tenant_id, sum(total) as total from public.orders group by tenant_id;
grant select on public.order_totals to authenticated;
""",
)
def view_bypasses_rls(catalog: Catalog) -> Verdicts:
    for view, clients in _held_views(catalog, (RelationKind.VIEW,), ANY_COMMAND):
        openings, doubtful = _openings(catalog, view, clients)
        if not openings and not doubtful:
            yield PASSED
            continue
        reach = _usable_commands(catalog, view, clients)
        if not reach:
            yield PASSED
        elif openings:
            yield _opening_verdict(catalog, view, openings, reach)
        else:
            identity = identity_of(view)
            reasons = "; ".join(sorted(set(doubtful.values())))
            tables = _qualified(a.table for a in doubtful)
            message = (
                f"whether {identity} shows rows of every tenant in {tables}, which has no row level security, cannot be told: {reasons}"
            )
            yield unknown(identity, message, reachable_by=reach, definition=view.definition)


def leads_past_policies(catalog: Catalog, view: Relation) -> bool:
    """Would RLS007 have something to say about the view if it were as `view` has it? Everything else is as observed."""
    snapshot = catalog.snapshot
    relations = tuple(view if (r.schema, r.name) == (view.schema, view.name) else r for r in snapshot.relations)
    changed = Catalog(replace(snapshot, relations=relations), catalog.declarations)
    clients = changed.clients_holding(view, ANY_COMMAND)
    return any(_openings(changed, view, clients)) and bool(_usable_commands(changed, view, clients))


def _held_views(
    catalog: Catalog, kinds: tuple[RelationKind, ...], privileges: frozenset[str]
) -> Iterator[tuple[Relation, tuple[str, ...]]]:
    """Views in schemas that are exposed, or may be, with the client roles that hold one of `privileges` on them."""
    for kind in kinds:
        for view in catalog.relations_of_kind(kind):
            if catalog.is_exposed(view.schema) is not False and (clients := catalog.clients_holding(view, privileges)):
                yield view, clients


def _openings(catalog: Catalog, view: Relation, clients: tuple[str, ...]) -> tuple[set[Access], dict[Access, str]]:
    """Tables whose policies do not hold behind the view, or that have none and rows of every tenant; those of which the latter cannot be
    told, with the reason. The accounts are left to the rule about them."""
    rights, relations = catalog.view_rights, catalog.relations
    found: set[Access] = set()
    doubtful: dict[Access, str] = {}
    if rights.is_invoker(view) and (view.schema, view.name) not in rights.over_views:
        return found, doubtful
    for client in clients:
        for access in rights.accesses(view, client):
            table = relations[access.table]
            if access.role == client or access.table == AUTH_USERS:
                continue  # what the caller may do without the view is not the view's doing
            if table.row_security:
                if catalog.bypasses_policies_of(access.role, table):
                    found.add(access)
            elif _is_for_its_tenants(catalog, table):
                shows = _shows_tenants(catalog, view, client, table)
                if shows is True:
                    found.add(access)
                elif shows:
                    doubtful[access] = shows
    if (found or doubtful) and rights.is_invoker(view):  # then a view behind it opens the table: enough is said where that one is exposed
        reported = {a for a in found | doubtful.keys() if _is_reported(catalog, relations[a.view])}
        return found - reported, {a: why for a, why in doubtful.items() if a not in reported}
    return found, doubtful


def _is_for_its_tenants(catalog: Catalog, table: Relation) -> bool:
    """Rows of tenants in a table that no other rule calls open, because its schema is not exposed; and nobody declared it public."""
    if (table.schema, table.name) not in catalog.table_names or table.schema == "public" or catalog.is_exposed(table.schema) is not False:
        return False
    use = directive_in(table.comment, Directive.PUBLIC_READ) if table.comment else None
    return catalog.is_tenant_scoped(table) and not (use and use.reason)


def _shows_tenants(catalog: Catalog, view: Relation, client: str, table: Relation) -> bool | str:
    """The view has rows of every tenant for the client: row by row, or a sum for each; a reason where that cannot be told.

    One figure about all of them is no tenant's row, nor is a row that the view ties to its caller.
    """
    columns = catalog.view_columns
    if unread := columns.unread(view):
        return "; ".join(unread)
    writes = is_updatable(view.definition or "") and any(c != "SELECT" for c in catalog.commands_open_to(client, view))
    shown = columns.shown(view)
    name, tenant = (table.schema, table.name), catalog.declarations.tenancy.column
    found = [
        s
        for column in (catalog.columns_of(view) if writes else catalog.readable_columns(client, view))
        for s in shown.get(column.name, ())
        if s.table == name and (s.column == tenant or not s.grouped)
    ]
    if any(not s.asked for s in found):
        return True
    return "a condition depends on the caller, and it is not clear that it keeps to the caller's own rows" if found else False


def _is_reported(catalog: Catalog, view: Relation) -> bool:
    return catalog.is_exposed(view.schema) is not False and bool(catalog.clients_holding(view, ANY_COMMAND))


def _usable_commands(catalog: Catalog, view: Relation, clients: tuple[str, ...]) -> dict[str, list[str]]:
    """Client role → commands that work: a view that is no plain copy of a table cannot be written, whatever is granted."""
    updatable = is_updatable(view.definition or "")
    usable = {role: [c for c in catalog.commands_open_to(role, view) if c == "SELECT" or updatable] for role in clients}
    return {role: commands for role, commands in usable.items() if commands}


def _opening_verdict(catalog: Catalog, view: Relation, openings: set[Access], reach: dict[str, list[str]]) -> Verdict:
    identity = identity_of(view)
    ordered = sorted(openings)
    roles = sorted({a.role for a in ordered})
    protected = [a.table for a in ordered if catalog.relations[a.table].row_security]
    others = [a.table for a in ordered if not catalog.relations[a.table].row_security]
    opened = [
        *([f"leads past row level security of {_qualified(protected)}"] if protected else []),
        *([f"leads to the rows of every tenant in {_qualified(others)}, which has no row level security"] if others else []),
    ]
    message = f"{identity} {' and '.join(opened)}, because it is read with the rights of {', '.join(roles)}: " + "; ".join(
        f"{role} may {', '.join(commands)} every row that it shows" for role, commands in reach.items()
    )
    evidence = {
        "owner": view.owner,
        "security_invoker": catalog.view_rights.is_invoker(view),
        "opened": [{"table": _label(a.table), "by_view": _label(a.view), "with_rights_of": a.role} for a in ordered],
        "reachable_by": reach,
        "definition": view.definition,
    }
    if catalog.is_exposed(view.schema) is None:
        return unknown(identity, f"{message}; {exposure_unknown(view.schema)}", **evidence)
    return failed(identity, message, **evidence)


def _label(name: Name) -> str:
    return ".".join(quote_identifier(part) for part in name)


def _qualified(names: Iterable[Name]) -> str:
    return ", ".join(sorted({_label(name) for name in names}))


@rule(
    "API001",
    "auth-users-exposed",
    clause="1.1",
    severity=Severity.CRITICAL,
    family=Family.API_EXPOSURE,
    title="A view shows the project's accounts",
    why=(
        "`auth.users` holds e-mail addresses, phone numbers, password hashes and tokens of everybody who has an account. A view over it, "
        "directly or through other views, reads it with its owner's rights, and a materialized view keeps a copy that no policy protects."
    ),
    how_to_fix=(
        "Drop the view, or revoke it from `anon`, `authenticated` and PUBLIC. Keep what the application shows of its users in a table of "
        "its own with policies, filled by a trigger on `auth.users`."
    ),
    references=("splinter:auth_users_exposed", "cwe:200"),
    patch=PatchKind.SQL,
    requires=(*VIEW_KINDS, CatalogKind.POLICIES),
    violating="""
create view public.profiles as select id, email from auth.users;
grant select on public.profiles to authenticated;
""",
    clean="""
create view public.profiles as select id, email from auth.users;
revoke all on public.profiles from anon, authenticated;
""",
)
def auth_users_exposed(catalog: Catalog) -> Verdicts:
    accounts = catalog.relations.get(AUTH_USERS)
    if accounts is None:
        return
    leading = _leading_to(catalog, AUTH_USERS)
    for view, clients in _held_views(catalog, (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW), _READING):
        if (view.schema, view.name) not in leading:
            yield PASSED
            continue
        reading = {
            client: sorted({a for a in catalog.view_rights.accesses(view, client) if a.table == AUTH_USERS and _sees(catalog, a, accounts)})
            for client in clients
        }
        reading = {client: accesses for client, accesses in reading.items() if accesses}
        yield _accounts_verdict(catalog, view, reading) if reading else PASSED


def _leading_to(catalog: Catalog, table: Name) -> set[Name]:
    """Views that read `table`, directly or through others."""
    readers: dict[Name, list[Name]] = {}
    for view, names in catalog.view_rights.reads.items():
        for name in names:
            readers.setdefault(name, []).append(view)
    found, waiting = set[Name](), [table]
    while waiting:
        for view in readers.get(waiting.pop(), ()):
            if view not in found:
                found.add(view)
                waiting.append(view)
    return found


def _sees(catalog: Catalog, access: Access, table: Relation) -> bool:
    """Some row may come out for the role whose rights apply: nothing hides them, or a policy lets some through."""
    if "SELECT" not in catalog.granted_to(access.role, table):
        return False
    if not table.row_security or catalog.bypasses_policies_of(access.role, table):
        return True
    names = catalog.acts_as(access.role)
    return any(p.permissive and p.command in ("ALL", "SELECT") and not names.isdisjoint(p.roles) for p in catalog.policies_of(table))


def _accounts_verdict(catalog: Catalog, view: Relation, reading: dict[str, list[Access]]) -> Verdict:
    identity = identity_of(view)
    columns = {client: [c.name for c in catalog.readable_columns(client, view)] for client in reading}
    through = sorted({a.view for accesses in reading.values() for a in accesses} - {(view.schema, view.name)})
    message = f"{identity} shows auth.users to {', '.join(reading)}" + (f", through {_qualified(through)}" if through else "")
    evidence = {
        "columns": columns,
        "owner": view.owner,
        "with_rights_of": sorted({a.role for accesses in reading.values() for a in accesses}),
        "through": [_label(name) for name in through],
        "definition": view.definition,
    }
    if catalog.is_exposed(view.schema) is None:
        return unknown(identity, f"{message}; {exposure_unknown(view.schema)}", **evidence)
    return failed(identity, message, **evidence)
