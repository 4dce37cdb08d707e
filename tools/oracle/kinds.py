"""Every kind of difference that was looked at, and why it is there. A difference that fits none needs a person.

A kind names lints (where the peer speaks) or codes of ours (where we do), and asks the catalogue whether the reason holds for this
very object: a reason that is merely plausible would hide the next fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import ConstraintType, Function, Policy, Relation
from platformkit_pipeline.rules.database.catalog import Catalog
from tools.oracle.compare import Difference, Side
from tools.oracle.peers import PGRLS, SPLINTER


class Right(StrEnum):
    """Whom the difference speaks for."""

    WE = "we"
    BOTH = "both"
    PEER = "peer"


INVOKER = frozenset(f"security_invoker={value}" for value in ("true", "on", "yes", "1"))


class Facts:
    """What the reasons ask about a database."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._relations = {f"{r.schema}.{r.name}": r for r in catalog.snapshot.relations}

    def relation(self, place: str) -> Relation | None:
        return self._relations.get(place)

    def functions(self, place: str) -> list[Function]:
        return [f for f in self.catalog.snapshot.functions if f"{f.schema}.{f.name}" == place]

    def policies(self, place: str) -> tuple[Policy, ...]:
        relation = self.relation(place)
        return self.catalog.policies_of(relation) if relation else ()

    def is_partition(self, place: str) -> bool:
        relation = self.relation(place)
        return relation is not None and relation.is_partition

    def is_exposed(self, schema: str) -> bool:
        return self.catalog.is_exposed(schema) is True

    def comment(self, place: str) -> str:
        relation = self.relation(place)
        return (relation.comment or "") if relation else ""

    def behind(self, view: Relation) -> list[Relation]:
        """Tables that a view reads with its owner's rights: an invoker view among its sources is read as the caller."""
        found, waiting, seen = [], [(view.schema, view.name)], set()
        while waiting:
            name = waiting.pop()
            for dependency in self.catalog.snapshot.view_dependencies:
                if (dependency.view_schema, dependency.view) == name and (below := (dependency.schema, dependency.relation)) not in seen:
                    seen.add(below)
                    relation = self.catalog.relations.get(below)
                    if relation is not None and INVOKER.isdisjoint(relation.options):
                        found.append(relation)
                        waiting.append(below)
        return found

    def clients_hold_something(self, place: str) -> bool:
        relation = self.relation(place)
        return relation is not None and bool(self.catalog.reach(relation))

    def may_select_whole(self, place: str) -> bool:
        """A client role may SELECT from the relation as a whole, not column by column."""
        relation = self.relation(place)
        return relation is not None and any(self.catalog.holds(role, "SELECT", relation.privileges) for role in self.catalog.client_roles)


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    side: Side
    peer: str
    names: frozenset[str]
    """Lints of the peer, or codes of ours."""
    right: Right
    reason: str
    holds: Callable[[Difference, Facts], bool]


def _schema(place: str) -> str:
    return place.split(".", 1)[0]


_SELECT_GROUP = re.compile(r"\( *SELECT ", re.IGNORECASE)
_PER_ROW = re.compile(r"\b(?:auth\.(?:uid|jwt|role|email)|current_setting)\s*\(")


def outside_sub_selects(text: str) -> str:
    """A deparsed expression without what stands inside `( SELECT ... )`. Plain counting of parentheses, no parser of ours."""
    kept, position = [], 0
    while match := _SELECT_GROUP.search(text, position):
        kept.append(text[position : match.start()])
        depth, position = 1, match.end()
        while depth and position < len(text):
            depth += {"(": 1, ")": -1}.get(text[position], 0)
            position += 1
    return "".join(kept) + text[position:]


def _wrapped_as_a_whole(difference: Difference, facts: Facts) -> bool:
    texts = [t for p in facts.policies(difference.place) for t in (p.using, p.with_check) if t]
    return bool(texts) and not any(_PER_ROW.search(outside_sub_selects(t)) for t in texts)


def _no_client_policy_among_the_open(difference: Difference, facts: Facts) -> bool:
    """Whatever is always true there is not for a client role."""
    policies = [p for p in facts.policies(difference.place) if p.using == "true" or p.with_check == "true"]
    return bool(policies) and not any(facts.catalog.clients_of(p) for p in policies)


def _narrowed(difference: Difference, facts: Facts) -> bool:
    return any(not p.permissive and p.using != "true" for p in facts.policies(difference.place))


def _declared_public(difference: Difference, facts: Facts) -> bool:
    return re.search(r"platformkit:public-read \S", facts.comment(difference.place)) is not None


def _justified(difference: Difference, facts: Facts) -> bool:
    found = facts.functions(difference.place)
    return bool(found) and all(re.search(r"platformkit:definer \S", f.comment or "") for f in found)


def _path_is_empty(difference: Difference, facts: Facts) -> bool:
    paths = [dict(f.settings).get("search_path") for f in facts.functions(difference.place) if f.security_definer]
    return bool(paths) and all(path in ('""', "''", "", "pg_catalog") for path in paths)


def _not_exposed(difference: Difference, facts: Facts) -> bool:
    schema = _schema(difference.place)
    return "." in difference.place and not facts.is_exposed(schema) and schema != "public"


def _columns_compared_with_constants(difference: Difference, facts: Facts) -> bool:
    return "has no leading-column index" in difference.text


def _named_column(difference: Difference, words: frozenset[str]) -> bool:
    listed = re.search(r"column\(s\): ([^.]*)\.", difference.text)
    return listed is not None and {c.strip() for c in listed[1].split(",")} <= words


def _tenant_of(facts: Facts, place: str) -> bool:
    relation = facts.relation(place)
    return relation is not None and facts.catalog.column(relation, facts.catalog.declarations.tenancy.column) is not None


def _key_to_untenanted(difference: Difference, facts: Facts) -> bool:
    """No foreign key of the table leads to a tenant table but by the tenant column itself."""
    relation = facts.relation(difference.place)
    tenant = facts.catalog.declarations.tenancy.column
    if relation is None:
        return False
    named = re.match(r"Foreign key '([^']*)'", difference.text)
    keys = [c for c in facts.catalog.constraints_of(relation) if c.type is ConstraintType.FOREIGN_KEY and named and c.name == named[1]]
    return bool(keys) and all(
        tenant in k.columns
        or not _tenant_of(facts, f"{k.referenced_schema}.{k.referenced_relation}")
        or not _tenant_of(facts, difference.place)
        for k in keys
    )


def _summary_that_nobody_reads(view: Relation, facts: Facts) -> bool:
    """Granted to write only, and made of groups, so that there is nothing to write to."""
    return re.search(r"\b(?:GROUP BY|sum\(|count\()", view.definition or "") is not None and not any(
        "SELECT" in commands for commands in facts.catalog.reach(view).values()
    )


def _shows_users(difference: Difference, facts: Facts) -> bool:
    view = facts.relation(difference.place)
    return view is not None and any((t.schema, t.name) == ("auth", "users") for t in facts.behind(view))


def _is_called_by_nobody(difference: Difference, facts: Facts) -> bool:
    found = facts.functions(difference.place)
    return bool(found) and all(f.returns_trigger or f.kind == "procedure" for f in found)


def _exposed_beside_public(difference: Difference, facts: Facts) -> bool:
    return _schema(difference.place) not in ("public",) and (
        facts.is_exposed(_schema(difference.place)) or (_schema(difference.place) == "pgmq" and facts.is_exposed("pgmq_public"))
    )


def _names_bound_at_creation(difference: Difference, facts: Facts) -> bool:
    found = facts.functions(difference.place)
    return bool(found) and all(f.sql_body is not None for f in found if not dict(f.settings).get("search_path"))


def _no_token_metadata(difference: Difference, facts: Facts) -> bool:
    """The word stands there, but not as a key taken from the token itself."""
    texts = [t for p in facts.policies(difference.place) for t in (p.using, p.with_check) if t]
    return not any(re.search(r"(?:jwt\(\)|claims'[^)]*\)[^-]*)\)?\s*->>?\s*'user_metadata'", t) for t in texts)


def _leads_past_nothing(difference: Difference, facts: Facts) -> bool:
    """No client role holds anything on the view, or its owner meets the policies of what is behind it, or may not read there."""
    view = facts.relation(difference.place)
    if view is None:
        return False
    if not facts.clients_hold_something(difference.place) or _summary_that_nobody_reads(view, facts):
        return True
    role = next((r for r in facts.catalog.snapshot.roles if r.name == view.owner), None)
    names = facts.catalog.acts_as(view.owner)

    def gets_past(table: Relation) -> bool:
        if role is not None and role.superuser:
            return True
        if table.owner in names:
            return not table.force_row_security or (role is not None and role.bypass_rls)
        return role is not None and role.bypass_rls and facts.catalog.holds(view.owner, "SELECT", table.privileges)

    return not any(t.row_security and gets_past(t) for t in facts.behind(view))


def _unknown_of_database(difference: Difference, facts: Facts) -> bool:
    return difference.place == facts.catalog.snapshot.server.database


def _same_columns_in_another_order(difference: Difference, facts: Facts) -> bool:
    relation = facts.relation(difference.place)
    if relation is None:
        return False
    keys = [frozenset(c.columns) for c in facts.catalog.constraints_of(relation) if c.type is ConstraintType.FOREIGN_KEY]
    indexes = [i.key_columns for i in facts.catalog.indexes_of(relation) if i.valid]
    return any(len(key) > 1 and any(frozenset(index[: len(key)]) == key for index in indexes) for key in keys)


def _always(difference: Difference, facts: Facts) -> bool:
    return True


def _peer(peer: str, names: str, name: str, right: Right, reason: str, holds: Callable[[Difference, Facts], bool]) -> Kind:
    return Kind(name, Side.PEER, peer, frozenset(names.split()), right, reason, holds)


def _ours(peer: str, names: str, name: str, right: Right, reason: str, holds: Callable[[Difference, Facts], bool]) -> Kind:
    return Kind(name, Side.OURS, peer, frozenset(names.split()), right, reason, holds)


DOCUMENTED_ROLES = frozenset(
    {
        "postgres", "service_role", "supabase_admin", "supabase_read_only_user", "authenticator", "supabase_storage_admin",
        "supabase_auth_admin", "supabase_etl_admin", "supabase_replication_admin", "supabase_functions_admin", "dashboard_user",
    }
)  # fmt: skip

KINDS: tuple[Kind, ...] = (
    # -- splinter speaks -----------------------------------------------------------------------------------------------
    _peer(
        SPLINTER,
        "auth_rls_initplan",
        "wrapped-as-a-whole",
        Right.WE,
        "`(select auth.jwt() ->> 'tenant_id')` and `(select (auth.jwt() ->> 'tenant_id')::uuid)` are evaluated once per statement, as the "
        "plan shows (an InitPlan). The lint looks for the text `select auth.` right before the call and warns of a policy that is as it "
        "should be. RLS010 reads the expression: every call inside a scalar sub-select that does not depend on the row is wrapped.",
        _wrapped_as_a_whole,
    ),
    _peer(
        SPLINTER,
        "unused_index",
        "counters-too-young",
        Right.WE,
        "An index that was never used on a server that never served anything tells nothing. IDX004 asks how long the counters have been "
        "running and says UNKNOWN until they mean something; the lint reports every index of a new database.",
        _always,
    ),
    _peer(
        SPLINTER,
        "rls_enabled_no_policy",
        "partition-closed-on-its-own",
        Right.WE,
        "A partition that has row level security and no policy is closed when addressed by its own name, which is right: rows are reached "
        "through the partitioned table, whose policies apply.",
        lambda d, f: f.is_partition(d.place) and not f.policies(d.place),
    ),
    _peer(
        SPLINTER,
        "no_primary_key unindexed_foreign_keys",
        "partition-said-for-its-parent",
        Right.WE,
        "What the partitioned table lacks, its partitions lack: said once, about the table that can be mended.",
        lambda d, f: f.is_partition(d.place),
    ),
    _peer(
        SPLINTER,
        "unindexed_foreign_keys",
        "key-columns-in-another-order",
        Right.WE,
        "An index serves a look-up by equality of all its leading columns in whatever order they stand. FKY003 compares sets.",
        _same_columns_in_another_order,
    ),
    _peer(
        SPLINTER,
        "rls_policy_always_true",
        "narrowed-by-a-restrictive-policy",
        Right.WE,
        "Restrictive policies are ANDed: a permissive `true` below one that ties the row to the caller lets through what that one does.",
        _narrowed,
    ),
    _peer(
        SPLINTER,
        "security_definer_view",
        "definer-view-without-protected-tables",
        Right.WE,
        "A view runs with its owner's rights unless it says otherwise; that matters where the owner gets past policies that the reader "
        "would meet, or shows rows of every tenant. RLS007 follows the view to its tables: none with row level security or with rows of "
        "tenants, or an owner whom the policies bind, or who may not read at all, is no way around anything. Sensitive columns of a table "
        "that nothing protects are API002.",
        _leads_past_nothing,
    ),
    _peer(
        SPLINTER,
        "sensitive_columns_exposed",
        "a-reference-is-not-the-secret",
        Right.WE,
        "`patient_id` and `session_id` are references: they name a row and hold nothing about it. The table itself, without row level "
        "security, is RLS001.",
        lambda d, f: _named_column(d, frozenset({"patient_id", "session_id"})),
    ),
    _peer(
        SPLINTER,
        "security_definer_view",
        "said-as-auth-users-exposed",
        Right.BOTH,
        "A view that leads to auth.users is API001, which is critical, and not RLS007 as well. splinter says both.",
        _shows_users,
    ),
    _peer(
        SPLINTER,
        "function_search_path_mutable",
        "names-bound-at-creation",
        Right.WE,
        "The body of a `BEGIN ATOMIC` or `RETURN` function is parsed when it is created; no caller's search_path decides anything in it.",
        _names_bound_at_creation,
    ),
    _peer(
        SPLINTER,
        "rls_references_user_metadata",
        "a-word-in-the-text",
        Right.WE,
        "The lint looks for the word. A column of the table itself, or a key below app_metadata, may be called user_metadata and is not "
        "written by users.",
        _no_token_metadata,
    ),
    _peer(
        SPLINTER,
        "unsupported_reg_types",
        "nothing-is-stored",
        Right.WE,
        "Columns of views store nothing, and a composite type matters where a table has a column of it, which TYP001 reports there: "
        "pg_upgrade looks at stored values.",
        lambda d, f: (r := f.relation(d.place)) is None or r.kind.value == "view",
    ),
    _peer(
        PGRLS,
        "SEC045",
        "about-a-secret-is-no-secret",
        Right.WE,
        "`has_password` tells that there is one. pgrls finds the word in the name; API002 reads the name as words.",
        lambda d, f: re.search(r"Column '(?:has|is|needs)_", d.text) is not None,
    ),
    # -- pgrls speaks --------------------------------------------------------------------------------------------------
    _peer(
        PGRLS,
        "SEC001 SEC009 SEC030 SEC041 SEC043 SEC047 SEC014 SEC015 SEC042 PERF001 PERF003 VIEW001 SEC008 SEC038",
        "schema-of-the-platform",
        Right.WE,
        "Tables of managed schemas (`storage`, `auth`, `realtime`) belong to the platform: owners of a project can change neither them nor "
        "what is missing on them. Policies that a project writes on `storage.objects` are judged.",
        lambda d, f: is_managed(_schema(d.place)),
    ),
    _peer(
        PGRLS,
        "SEC001 SEC041 SEC042 VIEW001",
        "schema-not-exposed",
        Right.WE,
        "pgrls judges every schema that it is given. Through the Data API nobody reaches a schema that it does not serve.",
        _not_exposed,
    ),
    _peer(
        PGRLS,
        "SEC009",
        "pgrls-partition-closed-on-its-own",
        Right.WE,
        "As with splinter: a closed partition is right.",
        lambda d, f: f.is_partition(d.place) and not f.policies(d.place),
    ),
    _peer(
        PGRLS,
        "SEC008 SEC038",
        "declared-public",
        Right.WE,
        "The table carries `platformkit:public-read` with a reason, where every reviewer and every gate sees it.",
        _declared_public,
    ),
    _peer(
        PGRLS,
        "SEC008 SEC028 SEC038 SEC039",
        "policy-for-the-server-side",
        Right.WE,
        "The policy is for service_role or another server-side role, which no caller of the Data API becomes.",
        _no_client_policy_among_the_open,
    ),
    _peer(
        PGRLS,
        "SEC004 SEC008 SEC020 SEC028 SEC038 SEC039",
        "pgrls-narrowed-by-a-restrictive-policy",
        Right.WE,
        "Judged one policy at a time; a restrictive policy of the same table ties every row to the caller.",
        _narrowed,
    ),
    _peer(
        PGRLS,
        "SEC014",
        "definer-with-a-reason",
        Right.WE,
        "The function says why it is SECURITY DEFINER (`platformkit:definer`), and no client role may call it: FUN004 to FUN006 have "
        "nothing to say. pgrls lists every such function.",
        _justified,
    ),
    _peer(
        PGRLS,
        "SEC015",
        "empty-search-path",
        Right.BOTH,
        "With `search_path = ''` PostgreSQL still looks into pg_temp first for tables and types, never for functions and operators. A name "
        "without a schema then finds a temporary table or nothing at all, so only an unqualified name of a system catalogue can be "
        "shadowed. The empty path is what the platform's documentation asks for, and FUN003 accepts it; `pg_catalog, pg_temp` is stricter.",
        _path_is_empty,
    ),
    _peer(
        PGRLS,
        "SEC016 SEC029 SEC048",
        "role-of-the-platform",
        Right.WE,
        "Roles that every hosted project has (postgres, service_role, supabase_*), with the attributes that the platform gives them. "
        "RLS014 reports roles beyond them, and client roles that gain such rights.",
        lambda d, f: d.place in DOCUMENTED_ROLES,
    ),
    _peer(
        PGRLS,
        "SEC029 SEC048",
        "said-of-another-object",
        Right.BOTH,
        "Said of every role on the way there; here of the tables (RLS015), or as RLS014 of the client role at its end.",
        lambda d, f: d.place in {r.name for r in f.catalog.snapshot.roles},
    ),
    _peer(
        PGRLS,
        "SEC042",
        "trigger-functions-and-procedures",
        Right.WE,
        "A function that returns trigger is called by triggers only, and the Data API calls functions, no procedures, whoever may execute "
        "them.",
        _is_called_by_nobody,
    ),
    _peer(
        PGRLS,
        "SEC041 SEC043",
        "partition-that-nobody-reaches",
        Right.WE,
        "No client role holds a privilege on the partition itself, so its missing row level security is RLS001, and no way around the "
        "parent's policies (RLS017) until somebody grants one.",
        lambda d, f: not f.clients_hold_something(d.place),
    ),
    _peer(
        PGRLS,
        "SEC047",
        "reference-within-reach",
        Right.WE,
        "The key refers to the tenants themselves, or to a table without tenants: whether such a row exists is no other tenant's secret. "
        "TEN004 reports keys between tenant tables that do not carry the tenant column.",
        _key_to_untenanted,
    ),
    _peer(
        PGRLS,
        "PERF001",
        "policies-asleep",
        Right.WE,
        "Row level security is off, so the policy is not evaluated at all; RLS002 says so.",
        lambda d, f: (r := f.relation(d.place)) is not None and not r.row_security,
    ),
    _peer(
        PGRLS,
        "PERF003",
        "column-not-compared-with-the-caller",
        Right.WE,
        "A column compared with a constant, or tested for truth, beside the tenant's: an index on it finds nothing that the tenant's "
        "does not. IDX001 asks for the columns by which the caller's rows are found.",
        _columns_compared_with_constants,
    ),
    _peer(
        PGRLS,
        "VIEW001",
        "view-that-leads-nowhere",
        Right.WE,
        "No client role may read the view, or its owner meets the policies as well, or may not read the table.",
        _leads_past_nothing,
    ),
    # -- we speak, splinter does not -------------------------------------------------------------------------------------
    _peer(
        SPLINTER,
        "duplicate_index",
        "replica-identity",
        Right.WE,
        "One of them is what logical replication tells the rows apart by: without it UPDATE and DELETE of a published table fail.",
        lambda d, f: (r := f.relation(d.place)) is not None and any(i.replica_identity for i in f.catalog.indexes_of(r)),
    ),
    _ours(
        SPLINTER,
        "RLS001",
        "no-grant-needed",
        Right.WE,
        "The constitution (2.1) wants row level security on every table in public, granted or not: one GRANT later it is too late. The lint"
        " waits until anon or authenticated may SELECT from the whole table; grants to write, or on columns, do not wake it.",
        lambda d, f: not f.may_select_whole(d.place) or (r := f.relation(d.place)) is None or r.kind.value == "partitioned_table",
    ),
    _ours(
        SPLINTER,
        "RLS004 RLS012",
        "tautology-in-other-words",
        Right.WE,
        "`id = id`, `1 = 1 or ...`, `(select true)`: always true, and not among the texts that the lint compares with.",
        lambda d, f: any((p.using or "") != "true" or (p.with_check or "") != "true" for p in f.policies(d.place)),
    ),
    _ours(
        SPLINTER,
        "FKY003",
        "index-that-does-not-serve",
        Right.WE,
        "A partial index whose predicate leaves rows out, or one of another method, does not find the rows of a key. The lint looks at "
        "columns only.",
        lambda d, f: (r := f.relation(d.place)) is not None and any(i.predicate or i.method != "btree" for i in f.catalog.indexes_of(r)),
    ),
    _ours(
        SPLINTER,
        "API003 API004 API005 FUN005 FUN006",
        "lints-after-this-version",
        Right.WE,
        "Lints 0025 to 0029 are not in this version of the CLI; the dashboard has them.",
        _always,
    ),
    _ours(
        SPLINTER,
        "API002",
        "other-words",
        Right.WE,
        "Names are split into words (`eMail`, `phone_number`), not compared whole, and a grant on the column alone counts.",
        lambda d, f: d.place.startswith("public.") or f.is_exposed(_schema(d.place)),
    ),
    _ours(
        SPLINTER,
        "IDX003",
        "prefix-of-another-index",
        Right.WE,
        "The lint compares definitions letter by letter. An index that is the beginning of another, or repeats a unique one, costs the same"
        " on every write.",
        _always,
    ),
    _ours(
        SPLINTER,
        "IDX004 PRF004",
        "not-known-is-said",
        Right.WE,
        "The server has no statistics worth the name. We say UNKNOWN, once for the database; the lint says nothing, or everything.",
        _unknown_of_database,
    ),
    _ours(
        SPLINTER,
        "KEY001",
        "partitioned-tables-too",
        Right.WE,
        "The lint looks at ordinary tables, so it names the partitions and not the partitioned table that can be mended.",
        lambda d, f: (r := f.relation(d.place)) is not None and r.kind.value == "partitioned_table",
    ),
    _ours(
        SPLINTER,
        "RLS007",
        "reach-by-column-or-to-write",
        Right.WE,
        "A grant on one column, or to write through the view, is a way past the tables' policies as well. The lint asks for SELECT on the "
        "whole view.",
        lambda d, f: not f.may_select_whole(d.place),
    ),
    _ours(
        SPLINTER,
        "RLS010",
        "through-a-helper",
        Right.WE,
        "A helper that asks for the caller is evaluated for every row just as auth.uid() is.",
        lambda d, f: not any(_PER_ROW.search(outside_sub_selects(t)) for p in f.policies(d.place) for t in (p.using, p.with_check) if t),
    ),
    _ours(
        SPLINTER,
        "RLS001 RLS007 RLS008 RLS009 API002 API006",
        "exposed-beside-public",
        Right.WE,
        "The exposed schemas are a setting of role authenticator. We read it there; the CLI asks its own session, finds nothing, and takes "
        "`public` for the answer: an open table in another exposed schema is not reported, nor is a queue.",
        _exposed_beside_public,
    ),
    _ours(
        SPLINTER,
        "API001 RLS007",
        "behind-another-view",
        Right.WE,
        "The lint looks one view deep. RLS007 and API001 follow views over views down to the table, and say through which.",
        lambda d, f: (r := f.relation(d.place)) is not None and r.kind.value == "view",
    ),
    _ours(
        SPLINTER,
        "RLS006",
        "metadata-through-a-helper",
        Right.WE,
        "The token, or its user_metadata, through a function that the policy calls, or raw_user_meta_data of auth.users: the lint reads"
        " the text of the policy only.",
        lambda d, f: bool(f.policies(d.place)),
    ),
    _ours(
        SPLINTER,
        "RLS008 RLS009",
        "any-grant-opens-it",
        Right.WE,
        "A grant on one column, or to write, opens it as well. The lint asks for SELECT on the whole.",
        lambda d, f: not f.may_select_whole(d.place),
    ),
    _ours(
        SPLINTER,
        "EXT002",
        "files-gone",
        Right.WE,
        "The server no longer offers the extension at all, so whether it is outdated is UNKNOWN. The lint says nothing.",
        lambda d, f: "no longer has the files" in d.text,
    ),
    # -- we speak, pgrls does not ------------------------------------------------------------------------------------------
    _ours(
        PGRLS,
        "RLS001",
        "said-by-another-lint",
        Right.BOTH,
        "pgrls says it as SEC032 (policies without row level security), SEC041 or SEC043 (partitions, children) instead.",
        lambda d, f: bool(f.policies(d.place)) or f.is_partition(d.place),
    ),
    _ours(
        PGRLS,
        "RLS004 RLS005",
        "pgrls-tautology-in-other-words",
        Right.WE,
        "A condition that is always true in other words than `true`, or for a command that its lints leave out.",
        lambda d, f: bool(f.policies(d.place)),
    ),
    _ours(
        PGRLS,
        "RLS010",
        "pgrls-through-a-helper",
        Right.WE,
        "A helper that asks for the caller is evaluated for every row just as auth.uid() is.",
        lambda d, f: not any(_PER_ROW.search(outside_sub_selects(t)) for p in f.policies(d.place) for t in (p.using, p.with_check) if t),
    ),
    _ours(
        PGRLS,
        "API002",
        "no-row-level-security",
        Right.BOTH,
        "SEC045 asks for grants on sensitive columns of protected tables; API002 for sensitive columns that nothing protects.",
        lambda d, f: (r := f.relation(d.place)) is not None and not r.row_security,
    ),
    _ours(
        PGRLS,
        "API007",
        "defaults-of-the-platform",
        Right.WE,
        "Named after the default privilege here; SEC044 leaves functions, sequences and what is built in out.",
        _always,
    ),
    _ours(
        PGRLS,
        "RLS014 RLS015",
        "roles-beyond-bypassrls",
        Right.WE,
        "Superusers bypass policies without the attribute, and a client role may own tables through a group.",
        _always,
    ),
    _ours(
        PGRLS,
        "RLS006 RLS016",
        "more-forms-of-the-same",
        Right.WE,
        "pgrls knows the usual form. The same by a path, a subscript, a JSON path, COALESCE, or through a helper, is the same.",
        lambda d, f: bool(f.policies(d.place)),
    ),
    _ours(
        PGRLS,
        "RLS012",
        "pgrls-update-escapes",
        Right.WE,
        "A row is given away by a WITH CHECK that is always true, whatever its words.",
        lambda d, f: any(p.with_check for p in f.policies(d.place)),
    ),
    _ours(
        PGRLS,
        "API001 RLS007",
        "pgrls-behind-another-view",
        Right.WE,
        "Followed through other views, and to invoker views over auth.users where callers may read that.",
        lambda d, f: (r := f.relation(d.place)) is not None and r.kind.value == "view",
    ),
    _ours(
        PGRLS,
        "RLS008 RLS009",
        "pgrls-any-grant-opens-it",
        Right.WE,
        "A grant on one column, or to write, opens it as well.",
        lambda d, f: not f.may_select_whole(d.place),
    ),
    _ours(
        PGRLS,
        "RLS008",
        "pgrls-says-auth-users",
        Right.BOTH,
        "A materialized view over auth.users: pgrls says SEC052 alone; we say API001 and RLS008.",
        _shows_users,
    ),
    _ours(
        PGRLS,
        "RLS008",
        "copy-of-unprotected-tables",
        Right.WE,
        "pgrls reports a materialized view over protected tables. Whoever holds the grant reads the copy, whatever its tables are.",
        lambda d, f: (r := f.relation(d.place)) is not None and not any(table.row_security for table in f.behind(r)),
    ),
    _ours(
        PGRLS,
        "RLS017",
        "parent-that-opens-its-children",
        Right.WE,
        "pgrls looks at partitions and children. A query of the parent shows their rows under the parent's policies alone.",
        lambda d, f: any(d.place == f"{schema}.{name}" for r in f.catalog.relations.values() for schema, name in r.parents),
    ),
    _ours(
        PGRLS,
        "FUN003",
        "who-may-create-there",
        Right.WE,
        "FUN003 asks whether a client role may create in a schema of the path, through groups as well; SEC015 asks where pg_temp stands.",
        lambda d, f: "may create" in d.text,
    ),
    _ours(
        PGRLS,
        "IDX001",
        "pgrls-index-that-does-not-serve",
        Right.WE,
        "An index of another method, or a partial one, does not find the caller's rows; pgrls looks at its first column only.",
        lambda d, f: (r := f.relation(d.place)) is not None and any(i.predicate or i.method != "btree" for i in f.catalog.indexes_of(r)),
    ),
    _ours(
        PGRLS,
        "TEN002 TEN003 TEN004",
        "the-tenant-model",
        Right.WE,
        "pgrls knows no tenant claim: it judges what a policy says, not whether it says the right thing. TEN002 to TEN004 judge the model "
        "that the constitution asks for, command by command, through helpers and membership tables.",
        _always,
    ),
)


def kind_of(difference: Difference, facts: Facts) -> Kind | None:
    """The first kind whose reason holds for this difference."""
    for kind in KINDS:
        if (
            kind.side is difference.side
            and kind.peer == difference.peer
            and difference.name in kind.names
            and kind.holds(difference, facts)
        ):
            return kind
    return None
