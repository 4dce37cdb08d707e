-- One row: since when the server counts, whether its statement statistics can be read, and two bounded lists.
-- `unused_indexes` is filled only when the counters are at least 14 days old: before that, an index that was not read
-- means nothing. `large_tables` are tables of 50 MiB and more (pages as of the last VACUUM or ANALYZE, so that nothing
-- waits for a lock) with an estimate of the space their rows need, and tables with many rows that were never analyzed.
-- Row width: 24 bytes of header (more with many columns), the average widths of `pg_stats`, and 4 bytes of pointer; as
-- many rows a page as fit. Columns that the role may not see are missing in `pg_stats`: then there is no estimate.
-- Functions and views: Cumulative Statistics System; pg_stats; Database Page Layout. PostgreSQL 14 to 18.
with clock as (
    select
        now() + interval '0 seconds' as observed_at,
        coalesce(pg_stat_get_db_stat_reset_time(d.oid), pg_postmaster_start_time()) as counting_since
    from pg_database as d
    where d.datname = current_database()
),

unused as (
    select
        n.nspname,
        t.relname as relation,
        x.relname as name,
        x.relpages::bigint * current_setting('block_size')::bigint as bytes
    from pg_index as i
    inner join pg_class as x on x.oid = i.indexrelid
    inner join pg_class as t on t.oid = i.indrelid
    inner join pg_namespace as n on n.oid = t.relnamespace
    where
        (select c.observed_at - c.counting_since >= interval '14 days' from clock as c)
        and not pg_is_in_recovery()
        and x.relkind = 'i' and not i.indisunique and not i.indisexclusion and i.indisvalid
        and not i.indisclustered and not i.indisreplident
        and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
        and pg_stat_get_numscans(i.indexrelid) = 0
),

large as (
    select
        c.oid,
        n.nspname,
        c.relname,
        c.reltuples,
        c.relnatts,
        c.relpages::bigint * current_setting('block_size')::bigint as bytes,
        c.reltuples >= 0 as analyzed,
        coalesce((
            select o.option_value::integer from pg_options_to_table(c.reloptions) as o where o.option_name = 'fillfactor'
        ), 100) as fill
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where
        c.relkind in ('r', 'm') and c.relpersistence <> 't'
        and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
        and (
            c.relpages::bigint * current_setting('block_size')::bigint >= 50 * 1024 * 1024
            or (c.reltuples < 0 and pg_stat_get_live_tuples(c.oid) >= 10000)
        )
),

measured as (
    select
        l.*,
        (
            select case when count(s.attname) = count(*) then sum(s.avg_width * (1 - s.null_frac)) end
            from pg_attribute as a
            left join pg_stats as s
                on s.schemaname = l.nspname and s.tablename = l.relname and s.attname = a.attname and not s.inherited
            where a.attrelid = l.oid and a.attnum > 0 and not a.attisdropped
        ) as width
    from large as l
    where l.analyzed and l.reltuples > 0
),

sized as (
    select
        m.oid,
        ceil(m.reltuples / greatest(1, floor(
            (current_setting('block_size')::integer - 24) * m.fill / 100.0
            / (8 * ceil((24 + greatest(0, m.relnatts - 8) / 8 + m.width) / 8.0) + 4)
        ))) * current_setting('block_size')::bigint as needed
    from measured as m
    where m.width is not null
)

select
    c.observed_at,
    c.counting_since,
    e.schema as statements_schema,
    current_setting('pg_stat_statements.max', true) is not null as statements_loaded,
    coalesce(has_schema_privilege(e.schema_oid, 'usage') and has_table_privilege(e.view_oid, 'select'), false) as statements_readable,
    array(select a.attname::text from pg_attribute as a where a.attrelid = e.view_oid and a.attnum > 0) as statements_columns,
    e.has_info as statements_info,
    h.nspname::text as hypopg_schema,
    coalesce((
        select jsonb_agg(jsonb_build_array(u.nspname, u.relation, u.name, u.bytes) order by u.nspname, u.relation, u.name)
        from unused as u
    ), '[]') as unused_indexes,
    coalesce((
        select
            jsonb_agg(jsonb_build_array(
                l.nspname, l.relname, l.bytes, case when l.analyzed and l.reltuples = 0 then 0 else s.needed::bigint end, l.analyzed,
                greatest(pg_stat_get_last_vacuum_time(l.oid), pg_stat_get_last_autovacuum_time(l.oid)),
                greatest(pg_stat_get_last_analyze_time(l.oid), pg_stat_get_last_autoanalyze_time(l.oid))
            ) order by l.nspname, l.relname)
        from large as l
        left join sized as s on s.oid = l.oid
    ), '[]') as large_tables
from clock as c
left join (
    select
        n.oid as schema_oid,
        n.nspname::text as schema,
        v.oid as view_oid,
        exists (
            select from pg_class as o where o.relnamespace = n.oid and o.relname = 'pg_stat_statements_info'
        ) as has_info
    from pg_extension as x
    inner join pg_namespace as n on n.oid = x.extnamespace
    left join pg_class as v on v.relnamespace = n.oid and v.relname = 'pg_stat_statements'
    where x.extname = 'pg_stat_statements'
) as e on true
left join pg_extension as hx on hx.extname = 'hypopg'
left join pg_namespace as h on h.oid = hx.extnamespace;
