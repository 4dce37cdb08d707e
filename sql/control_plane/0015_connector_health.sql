-- How connectors were, check by check (clauses 7.2, 9.1). Kept out of the inventory, because it differs in every night.

set role platformkit_owner;

create table ops.connector_health (
  id bigint generated always as identity,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  scan_id uuid not null,
  run_id text,
  checked_at timestamptz not null,
  status text check (status in ('up', 'degraded', 'down')),
  latency_seconds double precision check (latency_seconds >= 0 and latency_seconds < 'infinity'),
  message text not null default '',
  pending bigint check (pending >= 0),
  due bigint check (due >= 0),
  oldest_age_seconds double precision check (oldest_age_seconds >= 0 and oldest_age_seconds < 'infinity'),
  dead_letters bigint check (dead_letters >= 0),
  remarks jsonb not null default '{}' check (jsonb_typeof(remarks) = 'object'),
  primary key (id, created_at),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check ((status is null) = (latency_seconds is null)),
  check (num_nulls(pending, due, oldest_age_seconds, dead_letters) in (0, 4))
) partition by range (created_at);
create index connector_health_created on ops.connector_health using brin (created_at);
create index connector_health_scan on ops.connector_health (target_id, scan_id);
create index connector_health_target on ops.connector_health (target_id, checked_at desc);
comment on table ops.connector_health is
  'One row: one check of one connector. Append-only, by month. platformkit:not-tenant-scoped describes the platform itself, holds no data of customers';
comment on column ops.connector_health.status is 'What health() answered; null, with the latency, where it did not.';
comment on column ops.connector_health.latency_seconds is 'How long the other side took to answer.';
comment on column ops.connector_health.pending is 'Events that waited in the outbox; null, with what follows, for a connector without one.';
comment on column ops.connector_health.remarks is 'What tests said beside their outcome, by kind and name; the outcomes stand in the inventory.';
create trigger connector_health_audit_delete after delete on ops.connector_health
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger connector_health_audit_truncate after truncate on ops.connector_health for each statement execute function ops.audit_destruction();
alter table ops.connector_health enable row level security;
create policy pipeline_reads on ops.connector_health for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.connector_health for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.connector_health for select to platformkit_reader using (true);
grant select, insert on ops.connector_health to platformkit_pipeline;
grant select on ops.connector_health to platformkit_reader;
create table ops.connector_health_default partition of ops.connector_health default;
select ops.protect_partition('connector_health', 'connector_health_default');
select ops.ensure_partitions();

create view ops.latest_connector_health with (security_invoker = true) as
  select t.target_id, t.name as target_name, t.owners, h.scan_id, h.checked_at, h.status, h.latency_seconds, h.message,
         h.pending, h.due, h.oldest_age_seconds, h.dead_letters
    from ops.targets t
    join lateral (
      select c.* from ops.connector_health c where c.target_id = t.target_id order by c.checked_at desc, c.id desc limit 1
    ) h on true
   where t.retired_at is null;
comment on view ops.latest_connector_health is 'One row: one active connector, as its latest check found it.';
grant select on ops.latest_connector_health to platformkit_pipeline, platformkit_reader;

reset role;
