-- One row: the server, and what the connected role may read of it.
-- `unreadable` is a JSON list of [catalogue kind, reason]; a kind in it is recorded as unobserved and its query is not
-- sent, because a refused statement would end the transaction for all the others. Constraints and
-- indexes take the names of their columns from the kind `columns`, and so need what that needs. This query itself reads no table.
-- Tables of extensions and services are looked up in steps: to_regclass fails without USAGE on the schema, and rows that
-- row-level security may hide from the role are as good as unread.
-- Functions: Access Privilege Inquiry Functions, System Catalog Information Functions. PostgreSQL 14 to 18.
with named (kind, schema, relation) as (
    values ('storage_buckets', 'storage', 'buckets'), ('cron_jobs', 'cron', 'job')
),
found as (
    select
        named.kind,
        named.schema,
        named.relation,
        to_regnamespace(named.schema)::oid as schema_oid,
        case
            when has_schema_privilege(to_regnamespace(named.schema)::oid, 'usage')
                then to_regclass(named.schema || '.' || named.relation)::oid
        end as oid
    from named
),
service as (
    select
        found.kind,
        found.oid is not null and has_table_privilege(found.oid, 'select') and not row_security_active(found.oid) as readable,
        case
            when found.schema_oid is null then null
            when not has_schema_privilege(found.schema_oid, 'usage') then format('no USAGE privilege on schema %s', found.schema)
            when found.oid is null then null
            when not has_table_privilege(found.oid, 'select') then format('no SELECT privilege on %s.%s', found.schema, found.relation)
            when row_security_active(found.oid)
                then format('row-level security may hide rows of %s.%s from this role', found.schema, found.relation)
        end as reason
    from found
)

select
    split_part(current_setting('server_version'), ' ', 1) as version,
    current_setting('server_version_num')::integer as version_num,
    current_database()::text as database,
    current_user::text as current_user,
    current_setting('is_superuser') = 'on' as current_user_superuser,
    pg_is_in_recovery() as in_recovery,
    has_function_privilege('pg_control_system()', 'execute') as may_read_system_identifier,
    has_function_privilege('pg_export_snapshot()', 'execute') as may_share_snapshot,
    coalesce((select service.readable from service where service.kind = 'storage_buckets'), false) as has_storage_buckets,
    coalesce((select service.readable from service where service.kind = 'cron_jobs'), false) as has_cron_jobs,
    pg_relation_size('pg_catalog.pg_attribute') as catalogue_bytes,
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
                ('database_settings', 'pg_db_role_setting'), ('database_settings', 'pg_database'),
                ('role_memberships', 'pg_auth_members'), ('role_memberships', 'pg_roles'),
                ('relations', 'pg_class'), ('relations', 'pg_namespace'), ('relations', 'pg_description'),
                ('relations', 'pg_depend'), ('relations', 'pg_extension'), ('relations', 'pg_inherits'),
                ('relations', 'pg_sequence'), ('relations', 'pg_foreign_table'),
                ('relations', 'pg_foreign_server'),
                ('columns', 'pg_attribute'), ('columns', 'pg_class'), ('columns', 'pg_namespace'), ('columns', 'pg_attrdef'),
                ('columns', 'pg_description'), ('columns', 'pg_type'), ('columns', 'pg_collation'),
                ('constraints', 'pg_constraint'), ('constraints', 'pg_class'), ('constraints', 'pg_namespace'),
                ('constraints', 'pg_index'), ('constraints', 'pg_description'), ('constraints', 'pg_attribute'),
                ('constraints', 'pg_attrdef'), ('constraints', 'pg_type'), ('constraints', 'pg_collation'),
                ('indexes', 'pg_index'), ('indexes', 'pg_class'), ('indexes', 'pg_namespace'), ('indexes', 'pg_am'),
                ('indexes', 'pg_opclass'), ('indexes', 'pg_constraint'), ('indexes', 'pg_description'), ('indexes', 'pg_attribute'),
                ('indexes', 'pg_attrdef'), ('indexes', 'pg_type'), ('indexes', 'pg_collation'),
                ('policies', 'pg_policy'), ('policies', 'pg_class'), ('policies', 'pg_namespace'), ('policies', 'pg_description'),
                ('functions', 'pg_proc'), ('functions', 'pg_aggregate'), ('functions', 'pg_operator'),
                ('functions', 'pg_namespace'), ('functions', 'pg_language'), ('functions', 'pg_depend'),
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
                ('publications', 'pg_publication'), ('publications', 'pg_publication_tables'),
                ('foreign_servers', 'pg_foreign_server'), ('foreign_servers', 'pg_foreign_data_wrapper'),
                ('foreign_servers', 'pg_user_mappings')
            ) as needed (kind, relation)
            where not has_table_privilege('pg_catalog.' || needed.relation, 'select')
            group by needed.kind
            union all
            select service.kind, service.reason
            from service
            where service.reason is not null
        ) as missing
    ) as unreadable;
