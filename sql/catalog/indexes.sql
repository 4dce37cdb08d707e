-- One row: an index, with its key columns in order (null stands for an expression) and the constraint it implements.
-- Catalogues: pg_index, pg_class, pg_namespace, pg_am, pg_attribute, pg_constraint, pg_description. PostgreSQL 14 to 18
-- (indnullsnotdistinct from 15).
select
    n.nspname as schema,
    c.relname as relation,
    x.relname as name,
    am.amname as method,
    array(
        select a.attname::text
        from unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
        left join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0
        where k.position <= i.indnkeyatts
        order by k.position
    ) as key_columns,
    array(
        select a.attname::text
        from unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
        inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where k.position > i.indnkeyatts
        order by k.position
    ) as included_columns,
    pg_get_indexdef(i.indexrelid) as definition,
    i.indisunique as unique,
    i.indisprimary as primary,
    i.indisvalid as valid,
    pg_get_expr(i.indpred, i.indrelid) as predicate,
    con.conname as constraint,
    x.relispartition as inherited,
    i.indisunique and coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) as nulls_not_distinct,
    description.description as comment
from pg_index as i
inner join pg_class as x on x.oid = i.indexrelid
inner join pg_class as c on c.oid = i.indrelid
inner join pg_namespace as n on n.oid = c.relnamespace
inner join pg_am as am on am.oid = x.relam
left join pg_constraint as con
    on con.conindid = i.indexrelid and con.conrelid = i.indrelid and con.contype in ('p', 'u', 'x')
left join pg_description as description
    on description.objoid = i.indexrelid and description.classoid = 'pg_class'::regclass and description.objsubid = 0
where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
order by n.nspname, c.relname, x.relname;
