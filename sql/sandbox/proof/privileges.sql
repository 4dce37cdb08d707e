-- One row: one object of the database's owners or of a managed schema, and what each of %(roles)s may do with it, as the server
-- itself decides: ownership, membership, PUBLIC and grants on columns included. Members of extensions are left out.
with
    roles as (select r.oid, r.rolname from pg_roles as r where r.rolname = any(%(roles)s)),
    schemas as (
        select n.oid, n.nspname from pg_namespace as n where n.nspname not like 'pg\_%%' and n.nspname <> 'information_schema'
    ),
    members as (
        select d.classid, d.objid from pg_depend as d where d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass
    )

select 'relation' as kind, n.nspname as schema, c.relname as name, '' as arguments, r.rolname as role,
    concat_ws(
        ',',
        case when has_table_privilege(r.oid, c.oid, 'SELECT') or has_any_column_privilege(r.oid, c.oid, 'SELECT') then 'SELECT' end,
        case when has_table_privilege(r.oid, c.oid, 'INSERT') or has_any_column_privilege(r.oid, c.oid, 'INSERT') then 'INSERT' end,
        case when has_table_privilege(r.oid, c.oid, 'UPDATE') or has_any_column_privilege(r.oid, c.oid, 'UPDATE') then 'UPDATE' end,
        case when has_table_privilege(r.oid, c.oid, 'DELETE') then 'DELETE' end,
        case when has_table_privilege(r.oid, c.oid, 'TRUNCATE') then 'TRUNCATE' end,
        case when has_table_privilege(r.oid, c.oid, 'REFERENCES') or has_any_column_privilege(r.oid, c.oid, 'REFERENCES') then 'REFERENCES' end,
        case when has_table_privilege(r.oid, c.oid, 'TRIGGER') then 'TRIGGER' end
    ) as operations
from pg_class as c
inner join schemas as n on n.oid = c.relnamespace
cross join roles as r
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not exists (select from members as m where m.classid = 'pg_class'::regclass and m.objid = c.oid)

union all

select 'relation', n.nspname, c.relname, '', r.rolname,
    concat_ws(
        ',',
        case when has_sequence_privilege(r.oid, c.oid, 'SELECT') then 'SELECT' end,
        case when has_sequence_privilege(r.oid, c.oid, 'UPDATE') then 'UPDATE' end,
        case when has_sequence_privilege(r.oid, c.oid, 'USAGE') then 'USAGE' end
    )
from pg_class as c
inner join schemas as n on n.oid = c.relnamespace
cross join roles as r
where c.relkind = 'S' and not exists (select from members as m where m.classid = 'pg_class'::regclass and m.objid = c.oid)

union all

select 'function', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), r.rolname,
    case when has_function_privilege(r.oid, p.oid, 'EXECUTE') then 'EXECUTE' else '' end
from pg_proc as p
inner join schemas as n on n.oid = p.pronamespace
cross join roles as r
where not exists (select from members as m where m.classid = 'pg_proc'::regclass and m.objid = p.oid)

union all

select 'schema', n.nspname, n.nspname, '', r.rolname,
    concat_ws(
        ',',
        case when has_schema_privilege(r.oid, n.oid, 'USAGE') then 'USAGE' end,
        case when has_schema_privilege(r.oid, n.oid, 'CREATE') then 'CREATE' end
    )
from schemas as n
cross join roles as r
