-- One row: an enum, domain, composite, range or base type that somebody created; row types of tables, array types and
-- multiranges come with another object and are left out. `definition` is written as the CREATE statement would be.
-- Catalogues: pg_type, pg_namespace, pg_class, pg_enum, pg_range, pg_constraint, pg_attribute, pg_collation, pg_depend,
-- pg_extension, pg_description. PostgreSQL 14 to 18 (NOT NULL rows of domains, from 17, are left out of the checks).
select
    n.nspname as schema,
    t.typname as name,
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite' when 'r' then 'range' else 'base' end as kind,
    pg_get_userbyid(t.typowner) as owner,
    case
        when t.typtype = 'e' then array(select l.enumlabel::text from pg_enum as l where l.enumtypid = t.oid order by l.enumsortorder)
        else '{}'
    end::text as labels,
    case t.typtype
        when 'd' then concat_ws(
            ' ',
            format_type(t.typbasetype, t.typtypmod),
            case
                when t.typcollation <> (select b.typcollation from pg_type as b where b.oid = t.typbasetype) then (
                    select format('COLLATE %I.%I', cn.nspname, co.collname)
                    from pg_collation as co
                    inner join pg_namespace as cn on cn.oid = co.collnamespace
                    where co.oid = t.typcollation
                )
            end,
            'DEFAULT ' || t.typdefault,
            case when t.typnotnull then 'NOT NULL' end,
            (
                select string_agg(format('CONSTRAINT %I %s', con.conname, pg_get_constraintdef(con.oid)), ' ' order by con.conname)
                from pg_constraint as con
                where con.contypid = t.oid and con.contype = 'c'
            )
        )
        when 'c' then (
            select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
            from pg_attribute as a
            where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        )
        when 'r' then (select 'subtype ' || format_type(r.rngsubtype, null) from pg_range as r where r.rngtypid = t.oid)
    end as definition,
    e.extname as extension,
    description.description as comment
from pg_type as t
inner join pg_namespace as n on n.oid = t.typnamespace
left join pg_class as c on c.oid = t.typrelid and c.relkind = 'c'
left join pg_description as description
    on description.objoid = t.oid and description.classoid = 'pg_type'::regclass and description.objsubid = 0
left join pg_depend as d
    on d.classid = 'pg_type'::regclass and d.objid = t.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
left join pg_extension as e on e.oid = d.refobjid
where
    (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.oid is not null) or (t.typtype = 'b' and t.typisdefined))
    and not exists (select from pg_type as element where element.typarray = t.oid)
    and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
order by n.nspname, t.typname;
