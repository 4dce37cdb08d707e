-- Inventory: what exists now, and what changed when.
--
-- payload is json, not jsonb: it keeps the canonical text to the byte, and the hash is the hash of that text. jsonb would
-- rewrite numbers (1e+20) and refuse an escaped NUL. Nobody searches inside payloads often enough to want an index.

set role platformkit_owner;

create table ops.inventory_objects (
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  kind text not null,
  identity text not null,
  content_hash bytea not null check (octet_length(content_hash) = 32),
  payload json not null,
  first_seen_scan uuid not null,
  changed_scan uuid not null,
  removed_scan uuid,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (target_id, kind, identity),
  foreign key (target_id, first_seen_scan) references ops.scans (target_id, scan_id) on delete restrict,
  foreign key (target_id, changed_scan) references ops.scans (target_id, scan_id) on delete restrict,
  foreign key (target_id, removed_scan) references ops.scans (target_id, scan_id) on delete restrict
) with (fillfactor = 90);
create index inventory_objects_first_seen on ops.inventory_objects (target_id, first_seen_scan);
create index inventory_objects_changed on ops.inventory_objects (target_id, changed_scan);
create index inventory_objects_removed on ops.inventory_objects (target_id, removed_scan);
comment on table ops.inventory_objects is
  'One row: one object of a target as last observed. A removed object keeps its row, with removed_scan set; there is no last_seen here, '
  'because an unchanged night writes nothing: present objects were last seen by the latest inventoried scan of their target. '
  'platformkit:not-tenant-scoped describes catalogue objects, holds no data of customers';
comment on column ops.inventory_objects.changed_scan is 'Scan that last saw this object in another state than before.';
comment on column ops.inventory_objects.run_id is 'Dagster run that last wrote the row; null outside Dagster.';
create trigger inventory_objects_touch before update on ops.inventory_objects for each row execute function ops.touch_updated_at();
create trigger inventory_objects_audit_delete after delete on ops.inventory_objects
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger inventory_objects_audit_truncate after truncate on ops.inventory_objects for each statement execute function ops.audit_destruction();
alter table ops.inventory_objects enable row level security;
create policy pipeline_reads on ops.inventory_objects for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.inventory_objects for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.inventory_objects for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.inventory_objects for select to platformkit_reader using (true);
grant select, insert on ops.inventory_objects to platformkit_pipeline;
grant update (content_hash, payload, changed_scan, removed_scan, run_id) on ops.inventory_objects to platformkit_pipeline;
grant select on ops.inventory_objects to platformkit_reader;

create table ops.inventory_history (
  id bigint generated always as identity,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  scan_id uuid not null,
  run_id text,
  kind text not null,
  identity text not null,
  change text not null check (change in ('added', 'changed', 'removed')),
  content_hash bytea,
  payload_before json,
  payload_after json,
  primary key (id, created_at),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check ((change = 'added') = (payload_before is null)),
  check ((change = 'removed') = (payload_after is null)),
  check ((change = 'removed') = (content_hash is null))
) partition by range (created_at);
create index inventory_history_created on ops.inventory_history using brin (created_at);
create index inventory_history_scan on ops.inventory_history (target_id, scan_id);
comment on table ops.inventory_history is
  'One row: one change of one object that a scan found, with the payload before and after; content_hash is that of the payload after. '
  'Append-only, by month. platformkit:not-tenant-scoped describes catalogue objects, holds no data of customers';
create trigger inventory_history_audit_delete after delete on ops.inventory_history
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger inventory_history_audit_truncate after truncate on ops.inventory_history for each statement execute function ops.audit_destruction();
alter table ops.inventory_history enable row level security;
create policy pipeline_reads on ops.inventory_history for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.inventory_history for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.inventory_history for select to platformkit_reader using (true);
grant select, insert on ops.inventory_history to platformkit_pipeline;
grant select on ops.inventory_history to platformkit_reader;
create table ops.inventory_history_default partition of ops.inventory_history default;
select ops.protect_partition('inventory_history', 'inventory_history_default');
select ops.ensure_partitions();

reset role;
