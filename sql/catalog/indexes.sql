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
with class as materialized (
    select
        o.oid,
        o.opcintype as type,
        t.typtype <> 'p' and not exists (select from pg_cast as c where c.casttarget = o.opcintype and c.castmethod = 'b') as sure
    from pg_opclass as o
    cross join lateral (
        select k.typtype
        from pg_type as k
        where k.oid = o.opcintype
        offset 0
    ) as t
    where o.opcdefault and t.typtype <> 'd' -- a domain's default is its base type's, whatever class it has
),
unsure as materialized (
    select i.indexrelid, i.indrelid, i.indnkeyatts, i.indkey, i.indclass, i.indcollation
    from pg_index as i
    where
        not i.indisprimary
        and (
            i.indcollation[0] <> 0 or i.indclass[0] <> all (array(select class.oid from class where class.sure))
            or (i.indnkeyatts > 1 and (i.indcollation[1] <> 0 or i.indclass[1] <> all (array(select class.oid from class where class.sure))))
            or (i.indnkeyatts > 2 and (i.indcollation[2] <> 0 or i.indclass[2] <> all (array(select class.oid from class where class.sure))))
        )
),
looked_at as materialized (
    select k.indexrelid
    from (
        select i.indexrelid, i.indrelid, i.indkey[n.n] as attnum, i.indclass[n.n] as opclass, i.indcollation[n.n] as sorting
        from unsure as i
        cross join generate_series(0, 2) as n (n)
        where i.indnkeyatts > n.n
    ) as k
    cross join lateral (
        select a.atttypid, a.attcollation
        from pg_attribute as a
        where a.attrelid = k.indrelid and a.attnum = k.attnum
        offset 0
    ) as a
    left join class on class.oid = k.opclass
    group by k.indexrelid
    having
        bool_and(
            k.sorting in (0, a.attcollation)
            and coalesce(class.sure or class.type = a.atttypid or (class.type = 'text'::regtype and a.atttypid = 'varchar'::regtype), false)
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
            not coalesce(
                con.contype in ('p', 'u') and am.amname = 'btree',
                i.indnkeyatts <= 3 and i.indexprs is null and am.amname in ('btree', 'hash') -- others' classes may have parameters
                and (
                    looked_at.indexrelid is not null
                    or (
                        first.sure and i.indcollation[0] = 0
                        and (i.indnkeyatts < 2 or (second.sure and i.indcollation[1] = 0))
                        and (i.indnkeyatts < 3 or (third.sure and i.indcollation[2] = 0))
                    )
                ),
                false
            )
            or x.relkind <> 'i' or x.reloptions is not null
            or strpos(i.predicate, E'\n') > 0
            then coalesce(pg_get_indexdef(i.indexrelid), '')
    end as definition,
    i.indisunique as unique,
    i.indisprimary as primary,
    i.indisvalid as valid,
    i.predicate,
    con.conname as constraint,
    x.relispartition as inherited,
    i.indisunique and i.indnullsnotdistinct as nulls_not_distinct,
    description.description as comment,
    i.indisreplident as replica_identity,
    case when x.relkind = 'i' then current_setting('block_size')::bigint * x.relpages end as bytes,
    case when i.indisunique then 'CREATE UNIQUE INDEX ' else 'CREATE INDEX ' end || quote_ident(x.relname) || ' ON '
    || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' USING ' || quote_ident(am.amname) as head
from (values (false)) as older (indnullsnotdistinct)
cross join lateral (
    select
        k.indexrelid, k.indrelid, k.indkey, k.indoption, k.indclass, k.indcollation, k.indnkeyatts, k.indexprs, k.indisunique,
        k.indisprimary, k.indisvalid, k.indisreplident, indnullsnotdistinct,
        case when k.indpred is not null then coalesce(pg_get_expr(k.indpred, k.indrelid), '') end as predicate
    from pg_index as k
    offset 0
) as i
inner join pg_class as x on x.oid = i.indexrelid and x.relkind in ('i', 'I')
inner join pg_class as c on c.oid = i.indrelid and c.relkind in ('r', 'p', 'm')
inner join pg_namespace as n on n.oid = c.relnamespace
inner join pg_am as am on am.oid = x.relam
left join class as first on first.oid = i.indclass[0]
left join class as second on second.oid = i.indclass[1] and i.indnkeyatts > 1
left join class as third on third.oid = i.indclass[2] and i.indnkeyatts > 2
left join looked_at on looked_at.indexrelid = i.indexrelid
left join pg_constraint as con
    on con.conindid = i.indexrelid and con.conrelid = i.indrelid and con.contype in ('p', 'u', 'x')
left join pg_description as description
    on description.objoid = i.indexrelid and description.classoid = 'pg_class'::regclass and description.objsubid = 0
where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
