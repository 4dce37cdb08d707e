-- One row: a schema with its owner, privileges, comment and the extension that made it. PostgreSQL's own are left out.
-- Catalogues: pg_namespace, pg_depend, pg_extension, pg_description. PostgreSQL 14 to 18.
select
    n.nspname as name,
    pg_get_userbyid(n.nspowner) as owner,
    coalesce(n.nspacl, acldefault('n', n.nspowner))::text as privileges,
    description.description as comment,
    e.extname as extension
from pg_namespace as n
left join pg_description as description
    on description.objoid = n.oid and description.classoid = 'pg_namespace'::regclass and description.objsubid = 0
left join pg_depend as d
    on d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
left join pg_extension as e on e.oid = d.refobjid
where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
order by n.nspname;
