-- One row: a column that frequent statements filter by, and how many values it has (negative: as a share of the rows).
-- Of a partitioned table, what ANALYZE gathered over all partitions. Columns that the role may not see are missing.
-- {columns} is a JSON list of [schema, table, column]. View: pg_stats. PostgreSQL 14 to 18.
select distinct on (s.schemaname, s.tablename, s.attname)
    s.schemaname::text as schema,
    s.tablename::text as relation,
    s.attname::text as column,
    s.n_distinct::double precision as distinct
from jsonb_array_elements({columns}::jsonb) as wanted (item)
inner join pg_stats as s
    on s.schemaname = wanted.item ->> 0 and s.tablename = wanted.item ->> 1 and s.attname = wanted.item ->> 2
order by s.schemaname, s.tablename, s.attname, s.inherited desc;
