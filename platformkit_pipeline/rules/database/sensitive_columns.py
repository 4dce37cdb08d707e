"""Columns that hold what must not be read by everybody, and that nothing protects: clause 1.1."""

from __future__ import annotations

from collections.abc import Iterable

from platformkit_pipeline.model.identity import quote_identifier
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Column, Relation, RelationKind
from platformkit_pipeline.rules.database.api_exposure import GRANT_KINDS, READING, exposed_verdict, reached
from platformkit_pipeline.rules.database.catalog import AUTH_USERS, Catalog, Name, identity_of
from platformkit_pipeline.rules.database.view_columns import Shown
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, rule, unknown
from platformkit_pipeline.sqltext.sensitive_names import category_of


@rule(
    "API002",
    "sensitive-columns-exposed",
    clause="1.1",
    severity=Severity.CRITICAL,
    family=Family.API_EXPOSURE,
    title="Sensitive columns are readable without row level security",
    why=(
        "Going by their names these columns hold credentials, financial data or personal data. No policy stands between them and "
        "whoever has the project's publishable key. A table in a schema that is not exposed is no safer where a view in an exposed one "
        "shows its columns: the view reads with its owner's rights. Columns are followed through views over views and whatever they are "
        "called there; a count, a digest or a part of a value is no such column, and neither is a row that the view ties to its caller."
    ),
    how_to_fix=(
        "Enable row level security with policies, or revoke the table from client roles and grant only the columns that everybody may "
        "see. Credentials belong in a schema that is not exposed, or in the vault. A materialized view or a foreign table can only "
        "be revoked. A view: leave the column out, tie its rows to the caller (`where user_id = (select auth.uid())`), or protect the "
        "table and set `security_invoker = on` on the view."
    ),
    references=("splinter:sensitive_columns_exposed", "cwe:200"),
    patch=PatchKind.SQL,
    requires=(*GRANT_KINDS, CatalogKind.VIEW_DEPENDENCIES, CatalogKind.FUNCTIONS),
    revision=2,
    violating="""
create table public.suppliers (
  id uuid primary key, name text not null, iban text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
comment on table public.suppliers is 'platformkit:not-tenant-scoped shared by all tenants';
create trigger touch before update on public.suppliers for each row execute function public.touch_updated_at();
grant select on public.suppliers to anon;
""",
    clean="""
create table public.suppliers (
  id uuid primary key, name text not null, iban text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
comment on table public.suppliers is 'platformkit:not-tenant-scoped shared by all tenants';
create trigger touch before update on public.suppliers for each row execute function public.touch_updated_at();
alter table public.suppliers enable row level security;
create policy signed_in on public.suppliers for select to authenticated using ((select auth.uid()) is not null);
grant select on public.suppliers to authenticated;
""",
    also_fires=("RLS001",),
)
def sensitive_columns_exposed(catalog: Catalog) -> Verdicts:
    without_rls = (
        tuple(t for t in catalog.tables if not t.row_security)
        + catalog.relations_of_kind(RelationKind.MATERIALIZED_VIEW)
        + catalog.relations_of_kind(RelationKind.FOREIGN_TABLE)
    )
    sensitive = _Sensitive(catalog)
    for relation, clients in reached(catalog, without_rls, READING):
        found = {client: columns for client in clients if (columns := sensitive.of(client, relation))}
        if not found:
            yield PASSED
            continue
        listed = "; ".join(f"{client} may read {', '.join(columns)}" for client, columns in found.items())
        message = f"{identity_of(relation)} has no row level security and sensitive columns: {listed}"
        yield exposed_verdict(catalog, relation, message, columns=found)
    for view, clients in reached(catalog, catalog.relations_of_kind(RelationKind.VIEW), READING):
        yield _view_verdict(catalog, view, clients, sensitive)


class _Categories(dict[str, str | None]):
    """Column name → category: tables of one project share their names."""

    def __missing__(self, name: str) -> str | None:
        self[name] = category_of(name)
        return self[name]


class _Sensitive:
    """Which columns count, of tables and of what views show of them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._categories = _Categories()
        self._named: dict[Name, dict[str, str]] = {}

    def named(self, relation: Relation) -> dict[str, str]:
        """Column → category. A flag or a point in time is about such a value and does not hold one."""
        name = (relation.schema, relation.name)
        if name not in self._named:
            self._named[name] = self._among(self._catalog.columns_of(relation))
        return self._named[name]

    def of(self, client: str, relation: Relation) -> dict[str, str]:
        """Columns that the client may read, by their own names; of a materialized view also those that it gave other names."""
        readable = self._catalog.readable_columns(client, relation)
        found = self._among(readable)
        if relation.kind is RelationKind.MATERIALIZED_VIEW:
            shown = self._catalog.view_columns.shown(relation)
            for column in readable:
                certain = [
                    s for s in shown.get(column.name, ()) if not s.through and s.column in self.named(self._catalog.relations[s.table])
                ]
                if certain and column.name not in found:
                    found[column.name] = self.named(self._catalog.relations[certain[0].table])[certain[0].column]
        return found

    def behind(self, client: str, view: Relation) -> dict[str, Shown]:
        """Column of the view → a sensitive column of an unprotected table that the client reads in it, and is not given elsewhere."""
        catalog = self._catalog
        open_tables = {
            access.table: given
            for access in catalog.view_rights.accesses(view, client)
            if (table := catalog.relations[access.table]).row_security is False
            and access.table != AUTH_USERS
            and "SELECT" in catalog.granted_to(access.role, table)
            and (given := self.named(table).keys() - self._given(client, table))
        }
        if not open_tables:
            return {}  # no view is read for nothing
        shown = catalog.view_columns.shown(view)
        found: dict[str, Shown] = {}
        for column in catalog.readable_columns(client, view):
            sources = [s for s in shown.get(column.name, ()) if s.column in open_tables.get(s.table, ())]
            if sources:
                found[column.name] = min(sources, key=_certain_first)
        return found

    def may_hide(self, client: str, view: Relation) -> list[str]:
        """Why the view may show more than `behind` says."""
        catalog = self._catalog
        tables = (catalog.relations[a.table] for a in catalog.view_rights.accesses(view, client))
        if any(not t.row_security and self.named(t) for t in tables):
            return catalog.view_columns.unread(view)
        return []

    def _given(self, client: str, table: Relation) -> set[str]:
        """What the client reads of the table by its own name in the Data API: the finding about the table says so."""
        if self._catalog.is_exposed(table.schema) is False:
            return set()
        return {c.name for c in self._catalog.readable_columns(client, table)}

    def _among(self, columns: Iterable[Column]) -> dict[str, str]:
        return {
            c.name: category
            for c in columns
            if c.type != "boolean" and not c.type.startswith(("timestamp", "time ", "interval")) and (category := self._categories[c.name])
        }


def _certain_first(shown: Shown) -> tuple[bool, Name, str, Name]:
    return (_is_doubtful(shown), shown.table, shown.column, shown.through or ("", ""))


def _is_doubtful(shown: Shown) -> bool:
    return shown.asked or shown.through is not None


def _view_verdict(catalog: Catalog, view: Relation, clients: tuple[str, ...], sensitive: _Sensitive) -> Verdict | None:
    found = {client: columns for client in clients if (columns := sensitive.behind(client, view))}
    if not found:
        unread = sorted({reason for client in clients for reason in sensitive.may_hide(client, view)})
        if not unread:
            return PASSED
        return unknown(identity_of(view), f"whether {identity_of(view)} shows sensitive columns cannot be told: {'; '.join(unread)}")
    certain = {client: sure for client, columns in found.items() if (sure := {c: s for c, s in columns.items() if not _is_doubtful(s)})}
    told = certain or found
    listed = "; ".join(
        f"{client} may read {', '.join(f'{column} ({_place(s)})' for column, s in columns.items())}" for client, columns in told.items()
    )
    message = f"{identity_of(view)} shows sensitive columns of tables without row level security: {listed}"
    evidence = {
        "columns": {
            client: {column: sensitive.named(catalog.relations[s.table])[s.column] for column, s in columns.items()}
            for client, columns in told.items()
        },
        "comes_from": {column: _place(s) for columns in told.values() for column, s in columns.items()},
        "owner": view.owner,
        "security_invoker": catalog.view_rights.is_invoker(view),
        "definition": view.definition,
    }
    if certain:
        return exposed_verdict(catalog, view, message, **evidence)
    doubts = sorted({_doubt(s) for columns in told.values() for s in columns.values()})
    return unknown(identity_of(view), f"{message}; whether to everybody cannot be told: {'; '.join(doubts)}", **evidence)


def _place(shown: Shown) -> str:
    return ".".join(quote_identifier(part) for part in (*shown.table, shown.column))


def _doubt(shown: Shown) -> str:
    if shown.through is not None:
        return f"what function {'.'.join(map(quote_identifier, shown.through))} leaves of the value is not known"
    return "a condition depends on the caller, and it is not clear that it keeps to the caller's own rows"
