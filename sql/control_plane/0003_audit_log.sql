-- The audit log: append-only and hash-chained.
--
-- Nobody but its owner holds a write privilege, not even INSERT: the pipeline may only call ops.audit_append, so actor,
-- time, number and hash cannot be forged. Triggers refuse changes by the owner too, in replica mode as well.
-- A superuser can rewrite all of it; that is what the chain is for, with its head anchored outside the database.

set role platformkit_owner;

create table ops.audit_log (
  seq bigint primary key check (seq > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  actor text not null,
  action text not null check (action ~ '^[a-z][a-z0-9_.]{0,99}$'),
  object text,
  detail jsonb not null default '{}',
  scan_id uuid references ops.scans (scan_id) on delete restrict,
  run_id text,
  prev_hash bytea not null,
  row_hash bytea not null
);
create index audit_log_created on ops.audit_log using brin (created_at);
create index audit_log_scan on ops.audit_log (scan_id);
comment on table ops.audit_log is
  'One row: one thing that was done, by whom, and the hash that chains it to the row before. Append-only (clauses 5.3, 11.1). '
  'platformkit:not-tenant-scoped describes acts of operators and jobs, holds no data of customers';
comment on column ops.audit_log.actor is 'session_user: the login, whatever SET ROLE says.';
alter table ops.audit_log enable row level security;
create policy pipeline_reads on ops.audit_log for select to platformkit_pipeline using (true);
create policy reader_reads on ops.audit_log for select to platformkit_reader using (true);
grant select on ops.audit_log to platformkit_pipeline, platformkit_reader;

create table ops.audit_head (
  only_row boolean primary key default true check (only_row),
  seq bigint not null,
  row_hash bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
insert into ops.audit_head (seq, row_hash) values (0, decode(repeat('00', 32), 'hex'));
comment on table ops.audit_head is
  'One row in all: number and hash of the last row of ops.audit_log; locked by whoever appends. platformkit:not-tenant-scoped the end of the audit chain';
create trigger audit_head_touch before update on ops.audit_head for each row execute function ops.touch_updated_at();
alter table ops.audit_head enable row level security;
create policy pipeline_reads on ops.audit_head for select to platformkit_pipeline using (true);
create policy reader_reads on ops.audit_head for select to platformkit_reader using (true);
grant select on ops.audit_head to platformkit_pipeline, platformkit_reader;

-- Hash of one row. The time enters as microseconds since 1970 and jsonb prints one way only, so no setting of a session
-- changes the result. control_plane/audit.py computes the same without calling this function.
create function ops.audit_digest(prev_hash bytea, seq bigint, created_at timestamptz, actor text, action text, object text, detail jsonb, scan_id uuid, run_id text)
  returns bytea
  language sql stable
  set search_path = pg_catalog, pg_temp
as $function$
  select sha256(prev_hash || convert_to(
    jsonb_build_array('platformkit-audit-1', seq, (extract(epoch from created_at) * 1000000)::bigint, actor, action, object, detail, scan_id, run_id)::text, 'UTF8'))
$function$;
comment on function ops.audit_digest(bytea, bigint, timestamptz, text, text, text, jsonb, uuid, text) is 'Hash that chains one row of the audit log to the row before.';
revoke execute on function ops.audit_digest(bytea, bigint, timestamptz, text, text, text, jsonb, uuid, text) from public;

-- The only way in. Takes a JSON array of {action, object, detail, scan_id, run_id}; returns the number of the last row.
-- The head row stays locked until the caller's transaction ends: append last.
create function ops.audit_append(entries jsonb) returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  head ops.audit_head;
  entry ops.audit_log;
  item jsonb;
begin
  select * into strict head from ops.audit_head for update;
  entry.created_at := clock_timestamp();
  entry.actor := session_user;
  for item in select e.value from jsonb_array_elements(entries) with ordinality as e order by e.ordinality loop
    entry.seq := head.seq + 1;
    entry.prev_hash := head.row_hash;
    entry.action := item ->> 'action';
    entry.object := item ->> 'object';
    entry.detail := coalesce(item -> 'detail', '{}');
    entry.scan_id := (item ->> 'scan_id')::uuid;
    entry.run_id := item ->> 'run_id';
    entry.row_hash := ops.audit_digest(entry.prev_hash, entry.seq, entry.created_at, entry.actor, entry.action, entry.object,
                                       entry.detail, entry.scan_id, entry.run_id);
    insert into ops.audit_log (seq, created_at, actor, action, object, detail, scan_id, run_id, prev_hash, row_hash)
      values (entry.seq, entry.created_at, entry.actor, entry.action, entry.object, entry.detail, entry.scan_id, entry.run_id, entry.prev_hash, entry.row_hash);
    head.seq := entry.seq;
    head.row_hash := entry.row_hash;
  end loop;
  update ops.audit_head set seq = head.seq, row_hash = head.row_hash;
  return head.seq;
end
$function$;
comment on function ops.audit_append(jsonb) is
  'platformkit:definer appends to the audit log for roles that must not hold INSERT on it, so that actor, time and hash cannot be forged';
revoke execute on function ops.audit_append(jsonb) from public;
grant execute on function ops.audit_append(jsonb) to platformkit_pipeline;

create function ops.audit_refuse() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
begin
  raise exception 'ops.% is append-only: % refused', tg_table_name, tg_op using errcode = 'restrict_violation';
end
$function$;
comment on function ops.audit_refuse() is 'Trigger: refuses the statement.';
revoke execute on function ops.audit_refuse() from public;

create trigger audit_log_append_only before update or delete on ops.audit_log for each row execute function ops.audit_refuse();
create trigger audit_log_no_truncate before truncate on ops.audit_log for each statement execute function ops.audit_refuse();
create trigger audit_head_stays before delete on ops.audit_head for each row execute function ops.audit_refuse();
create trigger audit_head_no_truncate before truncate on ops.audit_head for each statement execute function ops.audit_refuse();
-- ALWAYS: session_replication_role = replica must not switch them off.
alter table ops.audit_log enable always trigger audit_log_append_only;
alter table ops.audit_log enable always trigger audit_log_no_truncate;
alter table ops.audit_head enable always trigger audit_head_stays;
alter table ops.audit_head enable always trigger audit_head_no_truncate;

-- Deleting is not forbidden to owner and administrators, but it leaves a trace (clause 5.3).
create function ops.audit_destruction() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
declare
  gone bigint;
begin
  if tg_op = 'DELETE' then
    select count(*) into gone from old_rows;
    if gone = 0 then
      return null;
    end if;
  end if;
  perform ops.audit_append(jsonb_build_array(jsonb_build_object(
    'action', lower(tg_op), 'object', format('%I.%I', tg_table_schema, tg_table_name), 'detail', jsonb_build_object('rows', gone))));
  return null;
end
$function$;
comment on function ops.audit_destruction() is 'Trigger: writes DELETE and TRUNCATE to the audit log.';
revoke execute on function ops.audit_destruction() from public;

create trigger targets_audit_delete after delete on ops.targets
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger targets_audit_truncate after truncate on ops.targets for each statement execute function ops.audit_destruction();
create trigger scans_audit_delete after delete on ops.scans
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger scans_audit_truncate after truncate on ops.scans for each statement execute function ops.audit_destruction();

reset role;
