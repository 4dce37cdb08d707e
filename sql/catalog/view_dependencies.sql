-- One row: the rewrite rule of `view` reads `schema.relation` (one level; other views count as relations). pg_depend has a row
-- for each column that is read, hence the DISTINCT. In no order.
-- Catalogues: pg_depend, pg_rewrite, pg_class, pg_namespace. PostgreSQL 14 to 18.
with relation as materialized (
    select c.oid, c.relname as name, c.relkind as kind, n.nspname as schema
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind not in ('i', 'I')
)

select
    v.schema as view_schema,
    v.name as view,
    c.schema,
    c.name as relation
from (
    select distinct r.ev_class as view_oid, d.refobjid as relation_oid
    from pg_depend as d
    inner join pg_rewrite as r on r.oid = d.objid
    where
        d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
        and d.refobjid <> r.ev_class
) as read
inner join relation as v on v.oid = read.view_oid
inner join relation as c on c.oid = read.relation_oid
where v.kind in ('v', 'm') and v.schema <> 'information_schema' and not starts_with(v.schema::text, 'pg_');
