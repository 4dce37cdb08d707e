-- One row: an installed extension. `default_version` is what the server would install today (null when its files are gone).
-- Catalogues: pg_extension, pg_namespace, pg_available_extensions, pg_description. PostgreSQL 14 to 18.
select
    e.extname as name,
    n.nspname as schema,
    e.extversion as version,
    pg_get_userbyid(e.extowner) as owner,
    e.extrelocatable as relocatable,
    available.default_version,
    description.description as comment
from pg_extension as e
inner join pg_namespace as n on n.oid = e.extnamespace
left join pg_available_extensions as available on available.name = e.extname
left join pg_description as description
    on description.objoid = e.oid and description.classoid = 'pg_extension'::regclass and description.objsubid = 0
order by e.extname;
