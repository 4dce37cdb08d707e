-- One row: a version that the platform's command line tool has applied. Old tables have no column `name`, which is why the row is read as JSON.
select
    m.version::text as version,
    to_jsonb(m) ->> 'name' as name
from supabase_migrations.schema_migrations as m
order by m.version;
