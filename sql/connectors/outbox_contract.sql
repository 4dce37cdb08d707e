-- Whether the delivery tables of a schema can be used by this login. One row: table, and what is wrong with it (null: nothing).
with wanted (table_name, columns, privileges) as (
  values
    ('outbox', array['id', 'destination', 'position', 'aggregatetype', 'aggregateid', 'type', 'payload', 'headers', 'attempts', 'due_at',
                     'delivered_at', 'dead_at', 'created_at'], array['SELECT', 'INSERT', 'UPDATE']),
    ('inbox', array['consumer', 'id', 'aggregatetype', 'aggregateid', 'type'], array['SELECT', 'INSERT']),
    ('dead_letters', array['id', 'destination', 'position', 'aggregatetype', 'aggregateid', 'type', 'payload', 'headers', 'attempts', 'reason',
                           'published_at', 'died_at', 'replayed_at'], array['SELECT', 'INSERT', 'UPDATE'])
), found as (
  select w.*, c.oid
    from wanted w
    left join pg_catalog.pg_namespace n on n.nspname = %(schema)s
    left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.table_name and c.relkind in ('r', 'p')
), faults as (
  select f.table_name, f.oid,
         (select string_agg(w, ', ' order by w) from unnest(f.columns) as w
           where not exists (select from pg_catalog.pg_attribute a where a.attrelid = f.oid and a.attname = w and not a.attisdropped)) as columns,
         (select string_agg(p, ', ' order by p) from unnest(f.privileges) as p
           where f.oid is not null and not pg_catalog.has_table_privilege(f.oid, p)) as privileges
    from found f
)
select table_name,
       case when oid is null then 'the table is not there: make it with create_delivery_tables'
            when columns is not null then 'the table has no column ' || columns
            when privileges is not null then 'this login lacks ' || privileges
       end
  from faults
 order by 1
