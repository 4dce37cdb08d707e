-- One row: a primary key, unique, foreign key, check or exclusion constraint of a table. The `n` rows that 18 keeps for
-- NOT NULL are left out (the column says it), as are constraint triggers and the constraints of domains (the type says them).
-- Catalogues: pg_constraint, pg_class, pg_namespace, pg_attribute, pg_description. PostgreSQL 14 to 18 (conenforced from 18).
select
    n.nspname as schema,
    c.relname as relation,
    con.conname as name,
    case con.contype
        when 'p' then 'primary_key'
        when 'u' then 'unique'
        when 'f' then 'foreign_key'
        when 'c' then 'check'
        when 'x' then 'exclusion'
    end as type,
    array(
        select a.attname::text
        from unnest(con.conkey) with ordinality as k (attnum, position)
        inner join pg_attribute as a on a.attrelid = con.conrelid and a.attnum = k.attnum
        order by k.position
    ) as columns,
    pg_get_constraintdef(con.oid) as definition,
    case when con.contype = 'f' then rn.nspname end as referenced_schema,
    case when con.contype = 'f' then rc.relname end as referenced_relation,
    array(
        select a.attname::text
        from unnest(con.confkey) with ordinality as k (attnum, position)
        inner join pg_attribute as a on a.attrelid = con.confrelid and a.attnum = k.attnum
        order by k.position
    ) as referenced_columns,
    case when con.contype = 'f' then
        case con.confupdtype
            when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE' when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT'
        end
    end as on_update,
    case when con.contype = 'f' then
        case con.confdeltype
            when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE' when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT'
        end
    end as on_delete,
    con.condeferrable as deferrable,
    con.condeferred as initially_deferred,
    con.convalidated as validated,
    con.contype not in ('c', 'f') or coalesce((to_jsonb(con) ->> 'conenforced')::boolean, true) as enforced,
    con.conparentid <> 0 or (con.coninhcount > 0 and not con.conislocal) as inherited,
    case when con.contype in ('p', 'u', 'x') then x.relname end as index,
    description.description as comment
from pg_constraint as con
inner join pg_class as c on c.oid = con.conrelid
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_class as rc on rc.oid = con.confrelid
left join pg_namespace as rn on rn.oid = rc.relnamespace
left join pg_class as x on x.oid = con.conindid
left join pg_description as description
    on description.objoid = con.oid and description.classoid = 'pg_constraint'::regclass and description.objsubid = 0
where
    con.contype in ('p', 'u', 'f', 'c', 'x')
    and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
order by n.nspname, c.relname, con.conname;
