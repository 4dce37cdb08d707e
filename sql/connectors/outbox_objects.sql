-- What a connector to an outbox reaches. One row: kind, name, and what somebody would have to change for it to change.
select 'table' as kind, n.nspname || '.' || c.relname as name,
       jsonb_build_object('columns', (
         select jsonb_agg(a.attname order by a.attnum) from pg_catalog.pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)) as attributes
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(schema)s and c.relname = any (%(tables)s) and c.relkind in ('r', 'p')
union all
select 'publication', p.pubname,
       jsonb_build_object(
         'all_tables', p.puballtables, 'insert', p.pubinsert, 'update', p.pubupdate, 'delete', p.pubdelete,
         'tables', (
           select coalesce(jsonb_agg(t.schemaname || '.' || t.tablename order by t.schemaname, t.tablename), '[]')
             from pg_catalog.pg_publication_tables t
            where t.pubname = p.pubname and not p.puballtables))
  from pg_catalog.pg_publication p
union all
select 'replication_slot', s.slot_name::text, jsonb_build_object('type', s.slot_type, 'plugin', s.plugin)
  from pg_catalog.pg_replication_slots s
 where s.database = current_database() and not s.temporary
 order by 1, 2
