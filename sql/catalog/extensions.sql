-- One row: an installed extension. `default_version` is what the server would install today (null when its files are gone);
-- `update_path` is false when its files do not lead from the installed version to that one. For the few extensions with very
-- many versions the server would search long; those always come with the path.
-- Catalogues: pg_extension, pg_namespace, pg_available_extensions, pg_available_extension_versions, pg_description.
-- PostgreSQL 14 to 18.
select
    e.extname as name,
    n.nspname as schema,
    e.extversion as version,
    pg_get_userbyid(e.extowner) as owner,
    e.extrelocatable as relocatable,
    available.default_version,
    description.description as comment,
    case
        when e.extversion <> available.default_version and (
            select count(*) < 60 from pg_available_extension_versions as v where v.name = e.extname
        ) then exists(
            select from pg_extension_update_paths(e.extname) as p
            where p.source = e.extversion and p.target = available.default_version and p.path is not null
        )
        else true
    end as update_path
from pg_extension as e
inner join pg_namespace as n on n.oid = e.extnamespace
left join pg_available_extensions as available on available.name = e.extname
left join pg_description as description
    on description.objoid = e.oid and description.classoid = 'pg_extension'::regclass and description.objsubid = 0
order by e.extname;
