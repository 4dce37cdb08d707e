-- Monthly partitions. History and metrics are cut by month (UTC), so that old months go by detaching, never by DELETE.
-- Rows of a month that nobody prepared land in the default partition and are moved when the month gets its own.

set role platformkit_owner;

-- Gives a partition what its parent has and partitioning does not hand down: row level security, read policies, a comment.
create function ops.protect_partition(parent text, partition text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
begin
  execute format('alter table ops.%I enable row level security', partition);
  execute format('create policy pipeline_reads on ops.%I for select to platformkit_pipeline using (true)', partition);
  execute format('create policy reader_reads on ops.%I for select to platformkit_reader using (true)', partition);
  execute format('grant select on ops.%I to platformkit_pipeline, platformkit_reader', partition);
  execute format('comment on table ops.%I is %L', partition, obj_description(format('ops.%I', parent)::regclass, 'pg_class'));
end
$function$;
comment on function ops.protect_partition(text, text) is 'Row level security, policies, privileges and comment of one partition.';
revoke execute on function ops.protect_partition(text, text) from public;

-- Makes the partitions of the month of `at` and of the month after for every partitioned table of ops; returns their names.
-- Built beside the parent and attached: that spares readers the exclusive lock on the parent.
create function ops.ensure_partitions(at timestamptz default now()) returns text[]
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $function$
declare
  parent record;
  month timestamptz;
  partition text;
  range_condition text;
  late boolean;
  made text[] := '{}';
begin
  perform pg_advisory_xact_lock(hashtextextended('platformkit.partitions', 0));
  for parent in
    select c.relname as name, d.relname as default_partition,
           (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
      from pg_partitioned_table p
      join pg_class c on c.oid = p.partrelid
      join pg_namespace n on n.oid = c.relnamespace
      join pg_class d on d.oid = p.partdefid
     where n.nspname = 'ops' and p.partstrat = 'r'
     order by c.relname
  loop
    foreach month in array array[date_trunc('month', at), date_trunc('month', at) + interval '1 month'] loop
      partition := parent.name || to_char(month, '_YYYY_MM');
      continue when to_regclass(format('ops.%I', partition)) is not null;
      range_condition := format('created_at >= %L and created_at < %L', month, month + interval '1 month');
      execute format('create table ops.%I (like ops.%I including all excluding identity)', partition, parent.name);
      execute format('select exists (select from ops.%I where %s)', parent.default_partition, range_condition) into late;
      if late then
        execute format('with late as (delete from ops.%1$I where %2$s returning %3$s) insert into ops.%4$I (%3$s) select %3$s from late',
                       parent.default_partition, range_condition, parent.columns, partition);
      end if;
      execute format('alter table ops.%I attach partition ops.%I for values from (%L) to (%L)', parent.name, partition, month, month + interval '1 month');
      perform ops.protect_partition(parent.name, partition);
      made := made || partition;
    end loop;
  end loop;
  return made;
end
$function$;
comment on function ops.ensure_partitions(timestamptz) is
  'platformkit:definer makes monthly partitions for the pipeline, which must not hold the right to run DDL in ops';
revoke execute on function ops.ensure_partitions(timestamptz) from public;
grant execute on function ops.ensure_partitions(timestamptz) to platformkit_pipeline;

reset role;
