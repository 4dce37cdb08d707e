"""What one observation sees of a database that has something of every kind, and what it costs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.postgres.records import records
from platformkit_pipeline.locations import sql_directory
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import (
    CatalogKind,
    Column,
    Constraint,
    ConstraintType,
    CronJob,
    DatabaseSettings,
    ForeignServer,
    Function,
    Index,
    Policy,
    Privilege,
    Relation,
    RelationKind,
    Role,
    RoleMembership,
    Snapshot,
    StorageBucket,
    Trigger,
    Unobserved,
    UserMapping,
    ViewDependency,
)
from platformkit_pipeline.model.snapshot_inventory import inventory_of, snapshot_of
from platformkit_pipeline.sandbox.databases import connect, create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sqltext.identifiers import qualified
from platformkit_pipeline.sqltext.secrets import masked_value

ODD = 'Odd "Schema".x'
MOST_STATEMENTS = 20


def relation(snapshot: Snapshot, name: str, schema: str = "app") -> Relation:
    return next(r for r in snapshot.relations if (r.schema, r.name) == (schema, name))


def column(snapshot: Snapshot, table: str, name: str, schema: str = "app") -> Column:
    return next(c for c in snapshot.columns if (c.schema, c.relation, c.name) == (schema, table, name))


def constraint(snapshot: Snapshot, table: str, name: str) -> Constraint:
    return next(c for c in snapshot.constraints if (c.relation, c.name) == (table, name))


def index(snapshot: Snapshot, name: str) -> Index:
    return next(i for i in snapshot.indexes if i.name == name)


def policy(snapshot: Snapshot, name: str) -> Policy:
    return next(p for p in snapshot.policies if p.name == name)


def function(snapshot: Snapshot, name: str, arguments: str = "") -> Function:
    return next(f for f in snapshot.functions if (f.name, f.arguments) == (name, arguments))


def trigger(snapshot: Snapshot, table: str, name: str) -> Trigger:
    return next(t for t in snapshot.triggers if (t.relation, t.name) == (table, name))


# ------------------------------------------------------------------------------------------------ the records


def test_everything_of_a_rich_database_is_observed(rich_snapshot: Snapshot) -> None:
    assert rich_snapshot.unobserved == ()
    assert all(getattr(rich_snapshot, kind.value) for kind in CatalogKind)


def test_all_tuples_are_sorted(rich_snapshot: Snapshot) -> None:
    s = rich_snapshot
    back = snapshot_of(s.server, reversed(inventory_of(s)), s.relation_statistics, s.unobserved)
    assert replace(back, activity=s.activity) == s


def test_server(rich_snapshot: Snapshot, postgres_server: EmbeddedPostgres) -> None:
    server = rich_snapshot.server
    assert server.version == postgres_server.binaries.version
    assert server.version_num // 10000 == postgres_server.binaries.major
    assert (server.database, server.current_user, server.current_user_superuser) == ("rich_catalogue", "supabase_admin", True)
    assert server.system_identifier is not None
    assert server.system_identifier.isdecimal()


def test_schemas_of_postgres_itself_are_left_out(rich_snapshot: Snapshot) -> None:
    names = [schema.name for schema in rich_snapshot.schemas]
    assert names == [ODD, "app", "cron", "extensions", "public", "storage"]
    assert {r.schema for r in rich_snapshot.relations} <= set(names)


def test_schema_comment_and_grant_option(rich_snapshot: Snapshot) -> None:
    schemas = {s.name: s for s in rich_snapshot.schemas}
    assert schemas["app"].comment == "the application's own"
    assert Privilege("fixture_reader", "USAGE", True) in schemas[ODD].privileges
    assert Privilege("PUBLIC", "USAGE") in schemas["public"].privileges


def test_role_attributes_and_settings(rich_snapshot: Snapshot) -> None:
    roles = {role.name: role for role in rich_snapshot.roles}
    assert roles["fixture login"] == Role("fixture login", inherit=False, login=True)
    assert roles["fixture_reader"].settings == (("statement_timeout", "3s"), ("work_mem", "8MB"))
    assert "pg_read_all_data" in roles


def test_setting_of_this_database_wins_over_that_of_the_role(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("alter role fixture_writer in database rich_catalogue set work_mem = '1GB'")
        connection.execute("alter role fixture_reader in database rich_copy set statement_timeout = '9s'")
    try:
        roles = {role.name: role for role in observe(rich_copy).roles}
    finally:
        with connect(rich_copy) as connection:
            connection.execute("alter role fixture_writer in database rich_catalogue reset all")
    assert roles["fixture_reader"].settings == (("statement_timeout", "9s"), ("work_mem", "8MB"))
    assert roles["fixture_writer"].settings == ()


def test_secret_among_the_settings_of_a_role_stays_on_the_server(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("alter role fixture_reader in database rich_copy set pgrst.jwt_secret = 'top-secret-value'")
    settings = dict(next(role for role in observe(rich_copy).roles if role.name == "fixture_reader").settings)
    assert settings["pgrst.jwt_secret"] == "***"


def test_settings_of_the_database_win_over_those_of_all_and_are_masked(rich_copy: Dsn, rich_snapshot: Snapshot) -> None:
    assert rich_snapshot.database_settings == (DatabaseSettings("rich_catalogue", (("app.theme", "dark"),)),)
    with connect(rich_copy) as connection:
        connection.execute("alter role all set app.theme = 'light'")
        connection.execute("alter role all set app.font = 'serif'")
        connection.execute("alter database rich_copy set app.theme = 'dark'")
        connection.execute("alter database rich_copy set app.jwt_secret = 'top-secret-value'")
        connection.execute("alter database rich_copy set app.settings.service_role_key = 'zQ7x4Rk9" + "Vt2Wm8Lp'")
        connection.execute("alter role fixture_reader in database rich_copy set app.font = 'mono'")
    try:
        [seen] = observe(rich_copy).database_settings
    finally:
        with connect(rich_copy) as connection:
            connection.execute("alter role all reset all")
    assert seen.name == "rich_copy"
    assert seen.settings == (
        ("app.font", "serif"),
        ("app.jwt_secret", "***"),
        ("app.settings.service_role_key", masked_value("named-secret")),
        ("app.theme", "dark"),
    )


def test_role_memberships(rich_snapshot: Snapshot) -> None:
    assert RoleMembership("fixture_reader", "fixture_writer") in rich_snapshot.role_memberships
    login = RoleMembership("fixture_writer", "fixture login", inherit_option=False, admin_option=True)
    assert login in rich_snapshot.role_memberships


def test_kinds_of_relations(rich_snapshot: Snapshot) -> None:
    kinds = {r.name: r.kind for r in rich_snapshot.relations if r.schema == "app"}
    assert kinds["tenants"] is RelationKind.TABLE
    assert kinds["events"] is RelationKind.PARTITIONED_TABLE
    assert kinds["user_names"] is RelationKind.VIEW
    assert kinds["totals"] is RelationKind.MATERIALIZED_VIEW
    assert kinds["log_lines"] is RelationKind.FOREIGN_TABLE
    assert kinds["ticket"] is kinds["users_id_seq"] is kinds["users_legacy_id_seq"] is RelationKind.SEQUENCE


def test_row_security_flags(rich_snapshot: Snapshot) -> None:
    users, tenants, scratch = (relation(rich_snapshot, name) for name in ("users", "tenants", "scratch"))
    assert (users.row_security, users.force_row_security) == (True, True)
    assert (tenants.row_security, tenants.force_row_security) == (True, False)
    assert (scratch.row_security, scratch.persistence) == (False, "unlogged")


def test_options_are_sorted(rich_snapshot: Snapshot) -> None:
    assert relation(rich_snapshot, "Order Items").options == ("autovacuum_enabled=false", "fillfactor=80")
    assert relation(rich_snapshot, "tenant_users").options == ("security_barrier=true",)
    assert relation(rich_snapshot, "invoker_view").options == ("security_invoker=true",)


def test_default_acl_is_filled_in_and_maintain_left_out(rich_snapshot: Snapshot) -> None:
    names = ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE")
    owner = tuple(Privilege("fixture_owner", name) for name in names)
    assert relation(rich_snapshot, "Order Items").privileges == tuple(
        sorted([*owner, *(Privilege("fixture_writer", name) for name in names), Privilege("fixture_reader", "SELECT")])
    )


def test_acl_that_was_emptied_differs_from_none(rich_snapshot: Snapshot) -> None:
    assert relation(rich_snapshot, "scratch").privileges == (Privilege("fixture_reader", "SELECT"),)


def test_partitions_and_inheritance(rich_snapshot: Snapshot) -> None:
    root, leaf = relation(rich_snapshot, "events"), relation(rich_snapshot, "events_2024")
    assert (root.partition_key, root.is_partition) == ("RANGE (at)", False)
    assert leaf.partition_bound == "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')"
    assert (leaf.is_partition, leaf.parents) == (True, (("app", "events"),))
    nested = relation(rich_snapshot, "events_2025_even")
    assert nested.parents == (("app", "events_2025"),)
    child = relation(rich_snapshot, "child_note")
    assert (child.is_partition, child.parents) == (False, (("app", "base_note"),))


def test_definitions_of_views_sequences_and_foreign_tables(rich_snapshot: Snapshot) -> None:
    assert "generate_series(1, 3)" in (relation(rich_snapshot, "from_function").definition or "")
    assert "FROM app.users" in (relation(rich_snapshot, "totals").definition or "")
    assert relation(rich_snapshot, "ticket").definition == "as integer start 10 increment 5 minvalue 1 maxvalue 1000 cache 1 cycle"
    assert (relation(rich_snapshot, "users_id_seq").definition or "").endswith(" owned by app.users.id")
    assert relation(rich_snapshot, "log_lines").definition == "server files"
    assert relation(rich_snapshot, "tenants").definition is None


def test_odd_names_come_unquoted(rich_snapshot: Snapshot) -> None:
    assert relation(rich_snapshot, "Tabelle ü", ODD).kind is RelationKind.TABLE
    assert column(rich_snapshot, "Tabelle ü", "ünïcode", ODD).type == "text"
    assert constraint(rich_snapshot, "Order Items", "Order Items_pkey").columns == ("Order", "Line.No")


def test_columns(rich_snapshot: Snapshot) -> None:
    def users(name: str) -> Column:
        return column(rich_snapshot, "users", name)

    assert (users("id").identity, users("id").not_null, users("id").type) == ("always", True, "bigint")
    assert users("legacy_id").default == "nextval('app.users_legacy_id_seq'::regclass)"
    assert (users("email_lower").generated, users("email_lower").default) == ("stored", "lower(email)")
    assert users("balance").type == "numeric(12,2)"
    assert users("mood").type == "app.mood"
    assert users("mood").position == 7, "a dropped column keeps its number"
    assert not any(c.name.startswith("....") for c in rich_snapshot.columns)
    assert column(rich_snapshot, "tenants", "slug").comment == "in the address"
    assert column(rich_snapshot, "tenants", "founded").default == "'2020-02-03'::date"
    assert column(rich_snapshot, "Tabelle ü", "email", ODD).type == "extensions.citext"


def test_collation_only_where_it_differs_from_that_of_the_type(rich_snapshot: Snapshot) -> None:
    assert column(rich_snapshot, "tenants", "slug").collation == 'pg_catalog."C"'
    assert column(rich_snapshot, "tenants", "name").collation is None


def test_column_privileges(rich_snapshot: Snapshot) -> None:
    assert column(rich_snapshot, "users", "email").privileges == (Privilege("fixture_writer", "UPDATE", True),)
    assert column(rich_snapshot, "tenants", "name").privileges == (Privilege("PUBLIC", "SELECT"),)
    assert column(rich_snapshot, "users", "id").privileges == ()


def test_foreign_keys(rich_snapshot: Snapshot) -> None:
    cascading = constraint(rich_snapshot, "users", "users_tenant_id_fkey")
    assert cascading.type is ConstraintType.FOREIGN_KEY
    assert (cascading.on_delete, cascading.on_update) == ("CASCADE", "NO ACTION")
    assert (cascading.referenced_schema, cascading.referenced_relation) == ("app", "tenants")
    assert (cascading.columns, cascading.referenced_columns) == (("tenant_id",), ("id",))
    deferrable = constraint(rich_snapshot, "Order Items", "Order Items_user_id_fkey")
    assert (deferrable.on_delete, deferrable.on_update, deferrable.deferrable) == ("SET NULL", "RESTRICT", True)
    composite = constraint(rich_snapshot, "event_links", "event_links_event_id_event_at_fkey")
    assert (composite.columns, composite.referenced_columns) == (("event_id", "event_at"), ("id", "at"))


def test_copies_of_constraints_on_partitions_are_inherited(rich_snapshot: Snapshot) -> None:
    own = {c.relation for c in rich_snapshot.constraints if c.type is ConstraintType.FOREIGN_KEY and not c.inherited}
    copies = {c.relation for c in rich_snapshot.constraints if c.type is ConstraintType.FOREIGN_KEY and c.inherited}
    assert "events" in own
    assert "events_2024" in copies - own


def test_check_exclusion_unique_and_not_valid_constraints(rich_snapshot: Snapshot) -> None:
    assert constraint(rich_snapshot, "users", "adult").comment == "by law"
    assert constraint(rich_snapshot, "users", "later").validated is False
    deferred = constraint(rich_snapshot, "users", "deferred_email")
    assert (deferred.type, deferred.initially_deferred, deferred.index) == (ConstraintType.UNIQUE, True, "deferred_email")
    assert constraint(rich_snapshot, "bookings", "bookings_during_excl").type is ConstraintType.EXCLUSION
    assert {c.type for c in rich_snapshot.constraints if c.relation == "child_note"} == {ConstraintType.CHECK}
    assert all(c.enforced for c in rich_snapshot.constraints)


def test_indexes(rich_snapshot: Snapshot) -> None:
    by_mood = index(rich_snapshot, "users_by_mood")
    assert (by_mood.method, by_mood.key_columns, by_mood.included_columns) == ("btree", ("mood", None), ("age",))
    assert "status" in (by_mood.predicate or "")
    assert by_mood.comment == "for the list"
    assert index(rich_snapshot, "users_by_tags").method == "gin"
    key = index(rich_snapshot, "tenants_pkey")
    assert (key.primary, key.unique, key.constraint, key.valid) == (True, True, "tenants_pkey", True)
    assert index(rich_snapshot, "events_2024_user_id_idx").inherited
    assert index(rich_snapshot, "one_null_b").nulls_not_distinct
    assert not index(rich_snapshot, "totals_key").nulls_not_distinct


def test_policies(rich_snapshot: Snapshot) -> None:
    own_rows = policy(rich_snapshot, "own rows")
    assert (own_rows.command, own_rows.permissive, own_rows.roles) == ("SELECT", True, ("fixture_reader", "fixture_writer"))
    assert "request.jwt.claims" in (own_rows.using or "")
    assert own_rows.with_check is None
    strict = policy(rich_snapshot, "strict")
    assert (strict.command, strict.permissive, strict.roles, strict.with_check) == ("ALL", False, ("PUBLIC",), "true")
    assert strict.comment == "both"
    assert (policy(rich_snapshot, "writers").command, policy(rich_snapshot, "writers").using) == ("INSERT", None)


def test_functions(rich_snapshot: Snapshot) -> None:
    plain = function(rich_snapshot, "add_up", "a integer, b integer")
    assert (plain.volatility, plain.strict, plain.parallel, plain.language) == ("immutable", True, "safe", "sql")
    assert (plain.body, plain.sql_body, plain.comment) == ("select a + b", None, "sum")
    assert "DEFAULT 1" in (plain.definition or "")
    overloaded = function(rich_snapshot, "add_up", "a text, VARIADIC rest text[]")
    assert overloaded.security_definer
    assert overloaded.settings == (("search_path", "pg_catalog, app"), ("statement_timeout", "1s"))
    assert overloaded.privileges == (Privilege("fixture_owner", "EXECUTE"), Privilege("fixture_writer", "EXECUTE"))


def test_function_bodies_that_the_parser_keeps(rich_snapshot: Snapshot) -> None:
    atomic = function(rich_snapshot, "names_of", "tenant uuid")
    assert atomic.body is None
    assert (atomic.sql_body or "").startswith("BEGIN ATOMIC")
    assert atomic.result == 'TABLE(name text, "E mail" text)'
    assert function(rich_snapshot, "one").sql_body == "RETURN (1 + 1)"


def test_procedures_aggregates_and_trigger_functions(rich_snapshot: Snapshot) -> None:
    assert function(rich_snapshot, "tidy", "INOUT affected integer").kind == "procedure"
    aggregate = function(rich_snapshot, "largest", "integer")
    assert (aggregate.kind, aggregate.body) == ("aggregate", None)
    assert aggregate.definition == (
        "CREATE AGGREGATE app.largest(integer) (SFUNC = app.keep_larger, STYPE = integer, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = UNSAFE)"
    )
    assert function(rich_snapshot, "stamp").returns_trigger
    assert function(rich_snapshot, "no_drop").returns_trigger
    assert not function(rich_snapshot, "one").returns_trigger


def test_triggers(rich_snapshot: Snapshot) -> None:
    stamp = trigger(rich_snapshot, "users", "stamp_users")
    assert (stamp.timing, stamp.events, stamp.for_each_row, stamp.enabled) == ("BEFORE", ("INSERT", "UPDATE"), True, "always")
    assert (stamp.function_schema, stamp.function_name, stamp.comment) == ("app", "stamp", "keeps time")
    truncated = trigger(rich_snapshot, "scratch", "truncated")
    assert (truncated.timing, truncated.events, truncated.for_each_row, truncated.enabled) == ("AFTER", ("TRUNCATE",), False, "disabled")
    assert trigger(rich_snapshot, "user_names", "names_write").timing == "INSTEAD OF"
    assert trigger(rich_snapshot, "events_2024", "stamp_events").inherited
    assert not any(t.name.startswith("RI_") for t in rich_snapshot.triggers)


def test_extensions_and_what_they_own(rich_snapshot: Snapshot) -> None:
    citext = next(e for e in rich_snapshot.extensions if e.name == "citext")
    assert (citext.schema, citext.relocatable, citext.version) == ("extensions", True, citext.default_version)
    assert {f.extension for f in rich_snapshot.functions if f.schema == "extensions"} == {"citext", "pg_trgm", "file_fdw"}
    assert next(t for t in rich_snapshot.types if t.name == "citext").extension == "citext"
    assert {f.extension for f in rich_snapshot.functions if f.schema == "app"} == {None}


def test_types(rich_snapshot: Snapshot) -> None:
    types = {t.name: t for t in rich_snapshot.types if t.schema == "app"}
    assert sorted(types) == ["mood", "pair", "short_code", "span"], "neither row types nor array types"
    assert types["mood"].labels == ("sad", "it's ok", "Happy")
    assert types["pair"].definition == 'left_part integer, "Right Part" text'
    assert types["span"].definition == "subtype numeric"
    domain = types["short_code"]
    assert (domain.definition or "").startswith("character varying(8) DEFAULT 'x'::character varying NOT NULL CONSTRAINT listed CHECK")
    assert domain.comment == "a domain"


def test_default_privileges(rich_snapshot: Snapshot) -> None:
    defaults = {(d.schema, d.object_type): d.privileges for d in rich_snapshot.default_privileges if d.role == "fixture_owner"}
    assert defaults["app", "tables"] == (Privilege("fixture_reader", "SELECT"),)
    assert defaults["app", "sequences"] == (Privilege("fixture_writer", "USAGE", True),)
    assert defaults[None, "functions"] == (Privilege("fixture_owner", "EXECUTE"),), "PUBLIC was taken off"
    assert {object_type for _, object_type in defaults} == {"tables", "sequences", "functions", "types", "schemas"}


def test_view_dependencies_of_one_level(rich_snapshot: Snapshot) -> None:
    read = {d.relation for d in rich_snapshot.view_dependencies if d.view == "view_over_views"}
    assert read == {"user_names", "tenant_users", "tenants"}
    assert ViewDependency("app", "totals", "app", "users") in rich_snapshot.view_dependencies


def test_rules_are_told_by_their_commands(blank_database: Dsn) -> None:
    with connect(blank_database) as connection:
        connection.execute(
            """
            create table public.lines (line text);
            create rule kept as on delete to public.lines do also nothing;
            alter table public.lines disable rule kept;
            create view public.shown as select line from public.lines;
            create rule one as on delete to public.shown do instead nothing;
            create rule two as on update to public.shown where old.line = '' do instead nothing;
            create rule three as on update to public.shown do instead nothing;
            """
        )
    relations = {r.name: r for r in observe(blank_database).relations}
    assert relations["shown"].rewritten == ("DELETE", "UPDATE")
    assert relations["lines"].rewritten == ()


def test_event_triggers_and_publications(rich_snapshot: Snapshot) -> None:
    guard = next(t for t in rich_snapshot.event_triggers if t.name == "guard_drop")
    assert (guard.event, guard.enabled, guard.tags) == ("sql_drop", "replica", ("DROP SCHEMA", "DROP TABLE"))
    publications = {p.name: p for p in rich_snapshot.publications}
    assert (publications["everything"].all_tables, publications["everything"].operations) == (True, ("insert", "update"))
    assert publications["two_tables"].tables == (("app", "Order Items"), ("app", "tenants"))
    assert publications["by_schema"].tables == ((ODD, "Tabelle ü"),)


def test_storage_buckets(rich_snapshot: Snapshot) -> None:
    assert rich_snapshot.storage_buckets == (StorageBucket("avatars", "avatars", True), StorageBucket("invoices", "invoices", False))


def test_foreign_servers_without_their_secrets(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("create foreign data wrapper remote")
        connection.execute(
            "create server shop foreign data wrapper remote options (host 'db.test', api_key 'k-123456789', api_key_id 'id-1')"
        )
        connection.execute("create user mapping for public server shop options (\"user\" 'reader', password 'top-secret-value')")
        connection.execute("create user mapping for fixture_reader server shop")
    servers = {s.name: s for s in observe(rich_copy).foreign_servers}
    assert servers["files"] == ForeignServer("files", "supabase_admin", "file_fdw")
    assert servers["shop"] == ForeignServer(
        "shop",
        "supabase_admin",
        "remote",
        (("api_key", masked_value("named-secret")), ("api_key_id", "id-1"), ("host", "db.test")),
        (
            UserMapping("fixture_reader"),
            UserMapping("PUBLIC", (("password", masked_value("password")), ("user", "reader"))),
        ),
    )


def test_cron_jobs_have_a_name_of_their_own_or_one_made_of_what_they_do(rich_snapshot: Snapshot) -> None:
    nightly, first, second = rich_snapshot.cron_jobs
    assert nightly == CronJob("nightly", "0 3 * * *", "vacuum app.users", "postgres", "fixture_owner")
    assert first.name.startswith("unnamed ")
    assert second == replace(first, name=f"{first.name} (2)")


def test_extension_that_no_script_updates_says_so(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("update pg_extension set extversion = '1.3' where extname = 'pg_trgm'")
        connection.execute("update pg_extension set extversion = '0.0.nothing' where extname = 'citext'")
    paths = {e.name: e.update_path for e in observe(rich_copy).extensions}
    assert (paths["pg_trgm"], paths["citext"], paths["file_fdw"]) == (True, False, True)


def test_secrets_in_texts_are_masked(rich_copy: Dsn) -> None:
    token = "sb_secret_" + "N3w0RdsAreNotHere_a1b2c3d4"
    with connect(rich_copy) as connection:
        connection.execute(
            f"""
            create function app.call() returns text language plpgsql set app.note = '{token}' as $f$ begin return '{token}'; end $f$;
            create view app.leaking as select '{token}'::text as key;
            create table app.leaks (id integer check (id::text <> '{token}'), key text default '{token}');
            create index leaks_one on app.leaks (id) where key = '{token}';
            create index leaks_two on app.leaks ((key || '{token}'));
            create policy leaking on app.leaks using (key = '{token}') with check (key <> '{token}');
            create trigger leaking after insert on app.leaks for each row execute function app.stamp('{token}');
            comment on table app.leaks is 'the api key is {token}';
            create domain app.leak as text default '{token}';
            insert into cron.job (schedule, command) values ('* * * * *', 'select app.send(''{token}'')');
            """.encode()
        )
    snapshot = observe(rich_copy)
    assert token not in repr(snapshot)
    assert repr(snapshot).count("[platformkit:secret:") >= 14


def test_statistics_are_estimates_and_absent_before_the_first_analyze(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("insert into app.base_note select n, 'x' from generate_series(1, 1000) as n")
        connection.execute("vacuum analyze app.base_note")
    statistics = {s.name: s for s in observe(rich_copy).relation_statistics}
    assert statistics["base_note"].estimated_rows == 1000
    assert (statistics["base_note"].total_bytes or 0) > 1000
    assert statistics["bookings"].estimated_rows is None
    assert "user_names" not in statistics, "a view holds no rows"


# --------------------------------------------------------------------------------------------------- the queries


@pytest.mark.parametrize(
    ("records_of", "query"),
    [
        ("constraints", "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where conrelid <> 0"),
        ("indexes", "select indrelid::regclass::text, relname, pg_get_indexdef(oid) from pg_index join pg_class on oid = indexrelid"),
    ],
)
def test_definitions_that_are_put_together_are_those_that_the_server_prints(
    rich_database: Dsn, rich_snapshot: Snapshot, records_of: str, query: str
) -> None:
    with connect(rich_database) as connection:
        connection.execute("set search_path = pg_catalog")
        printed = {(relation, name): text for relation, name, text in connection.execute(query.encode())}
    found = {(qualified(r.schema, r.relation), r.name): r.definition for r in getattr(rich_snapshot, records_of)}
    assert len(found) > 20
    assert found == {key: printed[key] for key in found}


def test_access_control_lists_are_read_as_the_server_explodes_them(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute('create role "odd,=""/{}\\ *r"')
        connection.execute('grant select, update on app.tenants to "odd,=""/{}\\ *r" with grant option')
        connection.execute("grant fixture_reader to fixture_owner")
        connection.execute('grant all on app.users to "fixture login"')
        exploded = connection.execute(
            "select c.relname, case a.grantee when 0 then 'PUBLIC' else pg_get_userbyid(a.grantee) end, a.privilege_type,"
            " bool_or(a.is_grantable)"
            " from pg_class as c join pg_namespace as n on n.oid = relnamespace, aclexplode(c.relacl) as a"
            " where n.nspname = 'app' and a.privilege_type <> 'MAINTAIN' group by 1, 2, 3"
        ).fetchall()
        snapshot = observe(rich_copy)
        connection.execute("revoke fixture_reader from fixture_owner")
        connection.execute('drop owned by "odd,=""/{}\\ *r"')
        connection.execute('drop role "odd,=""/{}\\ *r"')
    named = {name for name, *_ in exploded}
    found = {(r.name, *astuple(p)) for r in snapshot.relations if r.schema == "app" and r.name in named for p in r.privileges}
    assert found == set(exploded)


def test_every_query_runs_in_psql_as_it_stands(rich_database: Dsn, postgres_server: EmbeddedPostgres) -> None:
    files = sorted((sql_directory() / "catalog").glob("*.sql"))
    assert {kind.value for kind in CatalogKind} <= {file.stem for file in files}
    command = [str(postgres_server.binaries.bindir / "psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", rich_database.reveal()]
    for file in files:
        command += ["--file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_query_that_does_not_fit_its_record_is_refused() -> None:
    with pytest.raises(TypeError, match="the query for Role returns"):
        records(Role, ["name", "colour"], [("anon", "red")])


# --------------------------------------------------------------------------------------------- other databases


def test_empty_database(blank_database: Dsn) -> None:
    snapshot = observe(blank_database)
    assert [s.name for s in snapshot.schemas] == ["public"]
    assert [e.name for e in snapshot.extensions] == ["plpgsql"]
    assert [len(snapshot.relations), len(snapshot.storage_buckets), len(snapshot.unobserved)] == [0, 0, 0]


def test_settings_of_role_and_session_do_not_change_what_is_read(rich_copy: Dsn) -> None:
    s = observe(rich_copy)
    with connect(rich_copy) as connection:
        for setting in (
            "search_path = app, public",
            "quote_all_identifiers = on",
            "datestyle = 'German'",
            "timezone = 'Asia/Tokyo'",
            "intervalstyle = 'iso_8601'",
        ):
            connection.execute(f"alter database rich_copy set {setting}".encode())
    seen = observe(rich_copy)
    [given] = seen.database_settings
    assert dict(given.settings)["TimeZone"] == "Asia/Tokyo"
    like_there = replace(seen, server=s.server, relation_statistics=s.relation_statistics, activity=s.activity)
    assert replace(like_there, database_settings=s.database_settings) == s


# ------------------------------------------------------------------------------------------------- privileges


@pytest.fixture
def stranger(rich_copy: Dsn) -> Iterator[Dsn]:
    """A login role without any grant, in a copy of the rich database."""
    with connect(rich_copy) as connection:
        connection.execute("create role stranger login")
    yield with_user(rich_copy, "stranger")
    with connect(rich_copy) as connection:
        connection.execute("drop owned by stranger")
        connection.execute("drop role stranger")


def test_role_without_any_grant_sees_the_whole_catalogue_but_the_buckets(stranger: Dsn, rich_copy: Dsn) -> None:
    seen, all_there_is = observe(stranger), observe(rich_copy)
    assert seen.unobserved == (Unobserved("storage_buckets", "no USAGE privilege on schema storage"),)
    assert not seen.observed(CatalogKind.STORAGE_BUCKETS)
    assert (seen.server.current_user, seen.server.current_user_superuser) == ("stranger", False)
    as_all = replace(seen, server=all_there_is.server, storage_buckets=all_there_is.storage_buckets, unobserved=(), activity=None)
    assert as_all == replace(all_there_is, activity=None)


def test_buckets_without_select_privilege_are_unobserved(stranger: Dsn, rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("grant usage on schema storage to stranger")
    assert observe(stranger).unobserved == (Unobserved("storage_buckets", "no SELECT privilege on storage.buckets"),)


def test_buckets_that_row_security_may_hide_are_unobserved(stranger: Dsn, rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("grant usage on schema storage to stranger")
        connection.execute("grant select on storage.buckets to stranger")
        connection.execute("alter table storage.buckets enable row level security")
    (unobserved,) = observe(stranger).unobserved
    assert (unobserved.what, "row-level security" in unobserved.why) == ("storage_buckets", True)
    with connect(rich_copy) as connection:
        connection.execute("alter role stranger bypassrls")
    bypassing = observe(stranger)
    assert (bypassing.unobserved, len(bypassing.storage_buckets)) == ((), 2)


def test_catalogue_that_was_revoked_is_unobserved_and_the_rest_is_read(stranger: Dsn, rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("revoke select on pg_catalog.pg_policy from public")
        connection.execute("revoke execute on function pg_catalog.pg_control_system() from public")
    seen = observe(stranger)
    assert Unobserved("policies", "no SELECT privilege on pg_policy") in seen.unobserved
    assert (seen.policies, seen.server.system_identifier) == ((), None)
    assert relation(seen, "users").row_security


def test_options_of_user_mappings_that_the_role_may_not_see(stranger: Dsn, rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("create foreign data wrapper remote")
        connection.execute("create server shop foreign data wrapper remote")
        connection.execute("create user mapping for public server shop options (\"user\" 'reader')")
        connection.execute("create user mapping for stranger server shop options (\"user\" 'own')")
    hidden = next(s for s in observe(stranger).foreign_servers if s.name == "shop")
    assert hidden.user_mappings == (UserMapping("PUBLIC", (), False), UserMapping("stranger", (), False))
    with connect(rich_copy) as connection:
        connection.execute("grant usage on foreign server shop to stranger")
    own = next(s for s in observe(stranger).foreign_servers if s.name == "shop")
    assert own.user_mappings == (UserMapping("PUBLIC", (), False), UserMapping("stranger", (("user", "own"),), True))


def test_cron_jobs_that_row_security_may_hide_are_unobserved(stranger: Dsn, rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("alter table cron.job enable row level security")
    assert Unobserved("cron_jobs", "row-level security may hide rows of cron.job from this role") in observe(stranger).unobserved


# ------------------------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize("extra_tables", [0, 300])
def test_number_of_statements_does_not_grow_with_the_database(
    tcp_server: EmbeddedPostgres, load_rich_catalogue: Callable[[Dsn], None], extra_tables: int
) -> None:
    dsn = create_database(tcp_server.dsn(), f"counted_{extra_tables}")
    load_rich_catalogue(dsn)
    with connect(dsn) as connection:
        connection.execute("create extension pg_stat_statements schema extensions")
        for n in range(extra_tables):
            connection.execute(f"create table app.more_{n} (id integer primary key)".encode())
        connection.execute("select extensions.pg_stat_statements_reset()")
    observe(dsn)
    with connect(dsn) as connection:
        row = connection.execute(
            "select sum(calls)::integer, bool_or(query like '%%from pg_policy%%') from extensions.pg_stat_statements"
            " join pg_database as d on d.oid = dbid and d.datname = current_database() where query not like '%%_reset(%%'"
        ).fetchone()
    assert row is not None
    count, policies_were_read = row
    assert policies_were_read, "the counter counts"
    assert count <= MOST_STATEMENTS
