-- One row: whether the history of applied migrations is there, and why the connected role cannot read all of it (null: it can).
-- Asked in steps, because to_regclass fails without USAGE on the schema; rows that row-level security may hide are as good as unread.
with named as (
    select to_regnamespace('supabase_migrations')::oid as schema_oid
),
found as (
    select
        named.schema_oid,
        case
            when has_schema_privilege(named.schema_oid, 'usage') then to_regclass('supabase_migrations.schema_migrations')::oid
        end as oid
    from named
)

select
    found.schema_oid is not null as schema_exists,
    case
        when found.schema_oid is null then 'there is no schema supabase_migrations'
        when not has_schema_privilege(found.schema_oid, 'usage') then 'no USAGE privilege on schema supabase_migrations'
        when found.oid is null then 'there is no table supabase_migrations.schema_migrations'
        when not has_table_privilege(found.oid, 'select') then 'no SELECT privilege on supabase_migrations.schema_migrations'
        when row_security_active(found.oid) then 'row-level security may hide rows of supabase_migrations.schema_migrations'
    end as reason
from found;
