-- One row: a relation of one schema that the role may do something with, as PostgREST shows it. Whether rows can be changed is
-- a property of the relation there, not of the role.
select
    c.relname as name,
    obj_description(c.oid, 'pg_class') as comment,
    c.relkind in ('r', 'p', 'f') or (c.relkind = 'v' and (pg_relation_is_updatable(c.oid, true) & 28) <> 0) as changeable,
    (
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'name', a.attname,
                'type', case
                    when t.typtype = 'd' and b.typnamespace = 'pg_catalog'::regnamespace then format_type(b.oid, null)
                    when t.typnamespace = 'pg_catalog'::regnamespace then format_type(a.atttypid, null)
                    else format_type(a.atttypid, a.atttypmod)
                end,
                'not_null', a.attnotnull or (t.typtype = 'd' and t.typnotnull),
                'default', pg_get_expr(d.adbin, d.adrelid),
                'max_length', information_schema._pg_char_max_length(a.atttypid, a.atttypmod),
                'comment', col_description(c.oid, a.attnum),
                'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum as e where e.enumtypid in (t.oid, b.oid)),
                'primary_key', coalesce((select a.attnum = any(k.conkey) from pg_constraint as k where k.conrelid = c.oid and k.contype = 'p'), false),
                'refers_to', (
                    select jsonb_build_array(f.relname, fa.attname)
                    from pg_constraint as k
                    inner join pg_class as f on f.oid = k.confrelid
                    inner join pg_attribute as fa on fa.attrelid = k.confrelid and fa.attnum = k.confkey[1]
                    where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum] and k.conparentid = 0
                    order by k.conname
                    limit 1
                )
            )
            order by a.attnum
        ), '[]')
        from pg_attribute as a
        inner join pg_type as t on t.oid = a.atttypid
        left join pg_type as b on b.oid = t.typbasetype
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.attgenerated = ''
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns
from pg_class as c
where
    c.relnamespace = (select n.oid from pg_namespace as n where n.nspname = %(schema)s)
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not c.relispartition
    and (
        pg_has_role(%(role)s::name, c.relowner, 'USAGE')
        or has_table_privilege(%(role)s::name, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        or has_any_column_privilege(%(role)s::name, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
    )
order by c.relname;
