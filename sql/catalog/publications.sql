-- One row: a publication; `tables` are those it names or takes in by schema (leaves of partitioned tables, unless it
-- publishes through the root), and empty for FOR ALL TABLES.
-- Catalogues: pg_publication, pg_publication_tables. PostgreSQL 14 to 18.
select
    p.pubname as name,
    pg_get_userbyid(p.pubowner) as owner,
    p.puballtables as all_tables,
    array_remove(
        array[
            case when p.pubinsert then 'insert' end,
            case when p.pubupdate then 'update' end,
            case when p.pubdelete then 'delete' end,
            case when p.pubtruncate then 'truncate' end
        ],
        null
    ) as operations,
    case
        when not p.puballtables then (
            select jsonb_agg(jsonb_build_array(t.schemaname, t.tablename) order by t.schemaname, t.tablename)
            from pg_publication_tables as t
            where t.pubname = p.pubname
        )
    end as tables
from pg_publication as p
order by p.pubname;
