-- One row: the server, and what the connected role may read of it.
-- `unreadable` is a JSON list of [catalogue kind, reason]; a kind in it is recorded as unobserved and its query is not
-- sent, because a refused statement would end the transaction for all the others. This query itself reads no table.
-- `storage.buckets` is looked up in steps: to_regclass fails without USAGE on the schema, and rows that row-level
-- security may hide from the role are as good as unread.
-- Functions: Access Privilege Inquiry Functions, System Catalog Information Functions. PostgreSQL 14 to 18.
select
    split_part(current_setting('server_version'), ' ', 1) as version,
    current_setting('server_version_num')::integer as version_num,
    current_database()::text as database,
    current_user::text as current_user,
    current_setting('is_superuser') = 'on' as current_user_superuser,
    pg_is_in_recovery() as in_recovery,
    has_function_privilege('pg_control_system()', 'execute') as may_read_system_identifier,
    coalesce(storage.available, false) as has_storage_buckets,
    (
        select coalesce(jsonb_agg(jsonb_build_array(missing.kind, missing.reason) order by missing.kind), '[]')
        from (
            select
                needed.kind,
                'no SELECT privilege on ' || string_agg(needed.relation, ', ' order by needed.relation) as reason
            from (
                values
                ('schemas', 'pg_namespace'), ('schemas', 'pg_description'), ('schemas', 'pg_depend'), ('schemas', 'pg_extension'),
                ('roles', 'pg_roles'), ('roles', 'pg_db_role_setting'), ('roles', 'pg_database'),
                ('role_memberships', 'pg_auth_members'), ('role_memberships', 'pg_roles'),
                ('relations', 'pg_class'), ('relations', 'pg_namespace'), ('relations', 'pg_description'),
                ('relations', 'pg_depend'), ('relations', 'pg_extension'), ('relations', 'pg_inherits'),
                ('relations', 'pg_index'), ('relations', 'pg_sequence'), ('relations', 'pg_foreign_table'),
                ('relations', 'pg_foreign_server'), ('relations', 'pg_attribute'),
                ('columns', 'pg_attribute'), ('columns', 'pg_class'), ('columns', 'pg_namespace'), ('columns', 'pg_attrdef'),
                ('columns', 'pg_description'), ('columns', 'pg_type'), ('columns', 'pg_collation'),
                ('constraints', 'pg_constraint'), ('constraints', 'pg_class'), ('constraints', 'pg_namespace'),
                ('constraints', 'pg_attribute'), ('constraints', 'pg_description'),
                ('indexes', 'pg_index'), ('indexes', 'pg_class'), ('indexes', 'pg_namespace'), ('indexes', 'pg_am'),
                ('indexes', 'pg_attribute'), ('indexes', 'pg_constraint'), ('indexes', 'pg_description'),
                ('policies', 'pg_policy'), ('policies', 'pg_class'), ('policies', 'pg_namespace'), ('policies', 'pg_description'),
                ('functions', 'pg_proc'), ('functions', 'pg_namespace'), ('functions', 'pg_language'), ('functions', 'pg_depend'),
                ('functions', 'pg_extension'), ('functions', 'pg_description'),
                ('triggers', 'pg_trigger'), ('triggers', 'pg_class'), ('triggers', 'pg_namespace'), ('triggers', 'pg_proc'),
                ('triggers', 'pg_description'),
                ('extensions', 'pg_extension'), ('extensions', 'pg_namespace'), ('extensions', 'pg_available_extensions'),
                ('extensions', 'pg_description'),
                ('types', 'pg_type'), ('types', 'pg_namespace'), ('types', 'pg_class'), ('types', 'pg_enum'), ('types', 'pg_range'),
                ('types', 'pg_constraint'), ('types', 'pg_attribute'), ('types', 'pg_collation'), ('types', 'pg_depend'),
                ('types', 'pg_extension'), ('types', 'pg_description'),
                ('default_privileges', 'pg_default_acl'), ('default_privileges', 'pg_namespace'),
                ('view_dependencies', 'pg_depend'), ('view_dependencies', 'pg_rewrite'), ('view_dependencies', 'pg_class'),
                ('view_dependencies', 'pg_namespace'),
                ('event_triggers', 'pg_event_trigger'), ('event_triggers', 'pg_proc'), ('event_triggers', 'pg_namespace'),
                ('event_triggers', 'pg_depend'), ('event_triggers', 'pg_extension'),
                ('publications', 'pg_publication'), ('publications', 'pg_publication_tables')
            ) as needed (kind, relation)
            where not has_table_privilege('pg_catalog.' || needed.relation, 'select')
            group by needed.kind
            union all
            select 'storage_buckets', storage.reason
            where storage.reason is not null
        ) as missing
    ) as unreadable
from (
    select
        usable.oid is not null and has_table_privilege(usable.oid, 'select') and not row_security_active(usable.oid) as available,
        case
            when usable.schema_oid is null then null
            when not has_schema_privilege(usable.schema_oid, 'usage') then 'no USAGE privilege on schema storage'
            when usable.oid is null then null
            when not has_table_privilege(usable.oid, 'select') then 'no SELECT privilege on storage.buckets'
            when row_security_active(usable.oid) then 'row-level security may hide rows of storage.buckets from this role'
        end as reason
    from (
        select
            to_regnamespace('storage')::oid as schema_oid,
            case
                when has_schema_privilege(to_regnamespace('storage')::oid, 'usage') then to_regclass('storage.buckets')::oid
            end as oid
    ) as usable
) as storage;
