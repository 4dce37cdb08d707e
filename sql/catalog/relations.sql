-- One row: a table, partitioned table, view, materialized view, foreign table or sequence outside PostgreSQL's own schemas.
-- `definition` is the query of a view, the parameters of a sequence, the server of a foreign table (its options may hold
-- credentials and stay behind). `estimated_rows` and `own_bytes` are planner estimates: pages as of the last VACUUM or
-- ANALYZE, of the relation with its TOAST table; its indexes say theirs in indexes.sql. pg_total_relation_size would be exact,
-- but waits for every lock. `owner_*` is the column that owns a sequence, by number; whoever has read columns.sql knows its
-- name. A view's `definition` is empty when it vanished meanwhile. In no order.
-- `rewritten` are the commands for which there is a rule; array_agg(distinct) sorts them. `rules` are their texts by name.
-- Catalogues: pg_class, pg_namespace, pg_rewrite, pg_inherits, pg_sequence, pg_foreign_table, pg_foreign_server, pg_depend,
-- pg_extension, pg_description. PostgreSQL 14 to 18.
with above as materialized (
    select c.oid, c.relname as name, n.nspname as schema
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind not in ('i', 'I', 't')
),
parents as materialized (
    select i.inhrelid, jsonb_agg(jsonb_build_array(p.schema, p.name) order by i.inhseqno) as named
    from pg_inherits as i
    inner join above as p on p.oid = i.inhparent
    group by i.inhrelid
),
rules as materialized (
    select
        r.ev_class,
        array_agg(distinct case r.ev_type when '2' then 'UPDATE' when '3' then 'INSERT' else 'DELETE' end) as commands,
        jsonb_agg(coalesce(pg_get_ruledef(r.oid), '') order by r.rulename) as definitions
    from pg_rewrite as r
    where r.ev_type <> '1' and r.ev_enabled <> 'D'
    group by r.ev_class
),
owners as materialized (
    select owned.objid, t.schema, t.name as relation, owned.number
    from (
        select s.seqrelid as objid, od.refobjid, od.refobjsubid as number
        from pg_sequence as s
        cross join lateral (
            select od.refobjid, od.refobjsubid
            from pg_depend as od
            where
                od.classid = 'pg_class'::regclass and od.objid = s.seqrelid
                and od.refclassid = 'pg_class'::regclass and od.refobjsubid > 0 and od.deptype in ('a', 'i')
            order by od.refobjid, od.refobjsubid
            limit 1
        ) as od
    ) as owned
    inner join above as t on t.oid = owned.refobjid
)
select
    n.nspname as schema,
    c.relname as name,
    case c.relkind
        when 'r' then 'table'
        when 'p' then 'partitioned_table'
        when 'v' then 'view'
        when 'm' then 'materialized_view'
        when 'f' then 'foreign_table'
        when 'S' then 'sequence'
    end as kind,
    pg_get_userbyid(c.relowner) as owner,
    c.relrowsecurity as row_security,
    c.relforcerowsecurity as force_row_security,
    c.reloptions::text as options,
    coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))::text as privileges,
    description.description as comment,
    e.extname as extension,
    c.relispartition as is_partition,
    parents.named as parents,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
    case when c.relispartition then coalesce(pg_get_expr(c.relpartbound, c.oid), '') end as partition_bound,
    case
        when c.relkind in ('v', 'm') then coalesce(pg_get_viewdef(c.oid), '')
        when c.relkind = 'S' then
            format(
                'as %s start %s increment %s minvalue %s maxvalue %s cache %s%s', format_type(s.seqtypid, null), s.seqstart,
                s.seqincrement, s.seqmin, s.seqmax, s.seqcache, case when s.seqcycle then ' cycle' end
            )
        when c.relkind = 'f' then 'server ' || quote_ident(fs.srvname)
    end as definition,
    case c.relpersistence when 'u' then 'unlogged' when 't' then 'temporary' else 'permanent' end as persistence,
    rules.commands::text as rewritten,
    rules.definitions as rules,
    case when c.relkind in ('r', 'p', 'm', 'f') and c.reltuples >= 0 then c.reltuples::bigint end as estimated_rows,
    case
        when c.relkind in ('r', 'm')
            then current_setting('block_size')::bigint * (c.relpages + coalesce(toast.relpages, 0))
    end as own_bytes,
    owners.schema as owner_schema,
    owners.relation as owner_relation,
    owners.number::text as owner_number,
    quote_ident(owners.schema) || '.' || quote_ident(owners.relation) as owner_quoted
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_class as toast on toast.oid = c.reltoastrelid and toast.relkind = 't'
left join parents on parents.inhrelid = c.oid
left join rules on rules.ev_class = c.oid
left join pg_sequence as s on s.seqrelid = c.oid
left join owners on owners.objid = c.oid
left join pg_foreign_table as ft on ft.ftrelid = c.oid
left join pg_foreign_server as fs on fs.oid = ft.ftserver
left join pg_description as description
    on description.objoid = c.oid and description.classoid = 'pg_class'::regclass and description.objsubid = 0
left join pg_depend as d
    on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
    and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
left join pg_extension as e on e.oid = d.refobjid
where
    c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
