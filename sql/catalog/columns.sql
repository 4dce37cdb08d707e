-- One row: a live column of a table, view, materialized view or foreign table. `privileges` is the ACL of the column
-- itself; `collation` is null where the column keeps the collation of its type. `quoted` is the name as it stands in SQL
-- where that differs. Nearly all types sort by nothing or by the database's default (collation 100), so that only the others
-- are joined. In no order.
-- Catalogues: pg_attribute, pg_class, pg_namespace, pg_attrdef, pg_type, pg_collation, pg_description. PostgreSQL 14 to 18
-- (attgenerated 'v' from 18).
select
    n.nspname as schema,
    c.relname as relation,
    a.attname as name,
    a.attnum as position,
    format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull as not_null,
    case
        when def.adbin is not null then coalesce(pg_get_expr(def.adbin, case a.attgenerated when '' then 0::oid else def.adrelid end), '')
    end as default,
    case a.attidentity when 'a' then 'always' when 'd' then 'by_default' end as identity,
    case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end as generated,
    a.attacl::text as privileges,
    description.description as comment,
    case
        when a.attcollation <> coalesce(t.typcollation, a.attcollation) or (t.oid is null and a.attcollation not in (0, 100)) then (
            select format('%I.%I', cn.nspname, co.collname)
            from pg_collation as co
            inner join pg_namespace as cn on cn.oid = co.collnamespace
            where co.oid = a.attcollation
        )
    end as collation,
    nullif(quote_ident(a.attname), a.attname::text) as quoted
from pg_attribute as a
inner join pg_class as c on c.oid = a.attrelid
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_type as t on t.oid = a.atttypid and t.typcollation not in (0, 100)
left join pg_attrdef as def on def.adrelid = a.attrelid and def.adnum = a.attnum
left join pg_description as description
    on description.objoid = a.attrelid and description.classoid = 'pg_class'::regclass and description.objsubid = a.attnum
where
    c.relkind in ('r', 'p', 'v', 'm', 'f')
    and a.attnum > 0 and not a.attisdropped
    and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
