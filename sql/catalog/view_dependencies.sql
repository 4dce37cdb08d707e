-- One row: the rewrite rule of `view` reads `schema.relation` (one level; other views count as relations).
-- Catalogues: pg_depend, pg_rewrite, pg_class, pg_namespace. PostgreSQL 14 to 18.
select distinct
    vn.nspname as view_schema,
    v.relname as view,
    n.nspname as schema,
    c.relname as relation
from pg_depend as d
inner join pg_rewrite as r on r.oid = d.objid
inner join pg_class as v on v.oid = r.ev_class
inner join pg_namespace as vn on vn.oid = v.relnamespace
inner join pg_class as c on c.oid = d.refobjid
inner join pg_namespace as n on n.oid = c.relnamespace
where
    d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
    and v.relkind in ('v', 'm') and c.oid <> v.oid
    and vn.nspname <> 'information_schema' and not starts_with(vn.nspname::text, 'pg_')
order by 1, 2, 3, 4;
