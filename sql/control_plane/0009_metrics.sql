-- Metrics (clause 7.2): durations, counts, rates and scores of the platform itself.

set role platformkit_owner;

create table ops.metrics (
  id bigint generated always as identity,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  name text not null check (name ~ '^[a-z][a-z0-9_.]{0,99}$'),
  value double precision not null,
  unit text not null,
  labels jsonb not null default '{}',
  target_id bigint references ops.targets (target_id) on delete restrict,
  scan_id uuid references ops.scans (scan_id) on delete restrict,
  run_id text,
  primary key (id, created_at)
) partition by range (created_at);
create index metrics_created on ops.metrics using brin (created_at);
create index metrics_name_created on ops.metrics (name, created_at desc);
create index metrics_target on ops.metrics (target_id);
create index metrics_scan on ops.metrics (scan_id);
comment on table ops.metrics is
  'One row: one measurement, taken at created_at. Append-only, by month. platformkit:not-tenant-scoped describes the platform itself, holds no data of customers';
create trigger metrics_audit_delete after delete on ops.metrics
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger metrics_audit_truncate after truncate on ops.metrics for each statement execute function ops.audit_destruction();
alter table ops.metrics enable row level security;
create policy pipeline_reads on ops.metrics for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.metrics for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.metrics for select to platformkit_reader using (true);
grant select, insert on ops.metrics to platformkit_pipeline;
grant select on ops.metrics to platformkit_reader;
create table ops.metrics_default partition of ops.metrics default;
select ops.protect_partition('metrics', 'metrics_default');
select ops.ensure_partitions();

reset role;
