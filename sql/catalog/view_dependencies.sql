-- One row: the rewrite rule of `view` reads `schema.relation` (one level; other views count as relations). pg_depend has a row
-- for each column that is read, hence the DISTINCT. In no order.
-- Catalogues: pg_depend, pg_rewrite, pg_class, pg_namespace. PostgreSQL 14 to 18.
select
    vn.nspname as view_schema,
    v.relname as view,
    n.nspname as schema,
    c.relname as relation
from (
    select distinct r.ev_class as view_oid, d.refobjid as relation_oid
    from pg_depend as d
    inner join pg_rewrite as r on r.oid = d.objid
    where
        d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
        and d.refobjid <> r.ev_class
) as read
inner join pg_class as v on v.oid = read.view_oid
inner join pg_namespace as vn on vn.oid = v.relnamespace
inner join pg_class as c on c.oid = read.relation_oid
inner join pg_namespace as n on n.oid = c.relnamespace
where v.relkind in ('v', 'm') and vn.nspname <> 'information_schema' and not starts_with(vn.nspname::text, 'pg_');
