-- One row: an index, with the constraint it implements. `columns` are column numbers (0 for an expression), the first
-- `key_count` of them its keys; whoever has read columns.sql knows the names. `options` are DESC (1) and NULLS FIRST (2) of
-- each key. `definition` is null where it follows from the
-- other columns: asking pg_get_indexdef for each index costs as much as all the rest of an observation. That takes up to
-- three keys with the collation of their column and the operator class that its type has by default (text serves
-- for varchar); a primary key or unique constraint takes no other index. It is empty when the index vanished meanwhile.
-- In no order.
-- `indnullsnotdistinct` comes from `older` where the major does not have it yet: a name that the inner query's table lacks
-- means that one.
-- Catalogues: pg_index, pg_class, pg_namespace, pg_am, pg_attribute, pg_opclass, pg_constraint, pg_description.
-- PostgreSQL 14 to 18 (indnullsnotdistinct from 15).
with doubtful as materialized (
    select i.indexrelid, i.indrelid, i.indnkeyatts, i.indkey, i.indclass, i.indcollation, i.indoption
    from pg_index as i
    inner join pg_class as c on c.oid = i.indrelid and c.relkind in ('r', 'p', 'm')
    left join pg_constraint as con on con.conindid = i.indexrelid and con.contype in ('p', 'u')
    where con.oid is null and i.indnkeyatts <= 3 and i.indexprs is null
),
ordinary as materialized (
    select k.indexrelid
    from (
        select
            i.indexrelid, i.indrelid, i.indkey[0] as attnum, i.indclass[0] as opclass, i.indcollation[0] as sorting,
            i.indoption[0] as options
        from doubtful as i
        union all
        select i.indexrelid, i.indrelid, i.indkey[1], i.indclass[1], i.indcollation[1], i.indoption[1]
        from doubtful as i
        where i.indnkeyatts > 1
        union all
        select i.indexrelid, i.indrelid, i.indkey[2], i.indclass[2], i.indcollation[2], i.indoption[2]
        from doubtful as i
        where i.indnkeyatts > 2
    ) as k
    cross join lateral (
        select a.atttypid, a.attcollation
        from pg_attribute as a
        where a.attrelid = k.indrelid and a.attnum = k.attnum
        offset 0
    ) as a
    inner join pg_opclass as o on o.oid = k.opclass
    group by k.indexrelid
    having
        bool_and(
            (k.options = 0 or o.opcmethod = (select b.oid from pg_am as b where b.amname = 'btree')) and k.sorting in (0, a.attcollation) and o.opcdefault
            and (o.opcintype = a.atttypid or (o.opcintype = 'text'::regtype and a.atttypid = 'varchar'::regtype))
        )
)

select
    n.nspname as schema,
    c.relname as relation,
    x.relname as name,
    am.amname as method,
    i.indkey::text as columns,
    i.indoption::text as options,
    i.indnkeyatts as key_count,
    case
        when
            not coalesce(con.contype in ('p', 'u') and am.amname = 'btree', ordinary.indexrelid is not null)
            or x.relkind <> 'i' or x.reloptions is not null
            or strpos(pg_get_expr(i.indpred, i.indrelid), E'\n') > 0
            then coalesce(pg_get_indexdef(i.indexrelid), '')
    end as definition,
    i.indisunique as unique,
    i.indisprimary as primary,
    i.indisvalid as valid,
    case when i.indpred is not null then coalesce(pg_get_expr(i.indpred, i.indrelid), '') end as predicate,
    con.conname as constraint,
    x.relispartition as inherited,
    i.indisunique and i.indnullsnotdistinct as nulls_not_distinct,
    description.description as comment,
    i.indisreplident as replica_identity,
    case when i.indisunique then 'CREATE UNIQUE INDEX ' else 'CREATE INDEX ' end || quote_ident(x.relname) || ' ON '
    || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' USING ' || quote_ident(am.amname) as head
from (values (false)) as older (indnullsnotdistinct)
cross join lateral (
    select
        k.indexrelid, k.indrelid, k.indkey, k.indoption, k.indnkeyatts, k.indexprs, k.indpred, k.indisunique, k.indisprimary,
        k.indisvalid, k.indisreplident, indnullsnotdistinct
    from pg_index as k
) as i
inner join pg_class as x on x.oid = i.indexrelid and x.relkind in ('i', 'I')
inner join pg_class as c on c.oid = i.indrelid and c.relkind in ('r', 'p', 'm')
inner join pg_namespace as n on n.oid = c.relnamespace
inner join pg_am as am on am.oid = x.relam
left join ordinary on ordinary.indexrelid = i.indexrelid
left join pg_constraint as con
    on con.conindid = i.indexrelid and con.conrelid = i.indrelid and con.contype in ('p', 'u', 'x')
left join pg_description as description
    on description.objoid = i.indexrelid and description.classoid = 'pg_class'::regclass and description.objsubid = 0
where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
