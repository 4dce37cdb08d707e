-- One row: a bucket of Supabase Storage. Sent only when server.sql says that storage.buckets exists and that this role sees
-- all of its rows. `public` came with a later version of Storage, hence the way through jsonb.
-- Table: storage.buckets. PostgreSQL 14 to 18.
select
    b.id::text as id,
    b.name::text as name,
    coalesce((to_jsonb(b) ->> 'public')::boolean, false) as public
from storage.buckets as b
order by b.id::text collate "C";
