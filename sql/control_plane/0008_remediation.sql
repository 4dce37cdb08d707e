-- Remediation plans with the items they consist of: patches, and what a person has to do.

set role platformkit_owner;

create table ops.remediation_plans (
  plan_id text primary key check (plan_id ~ '^[0-9a-f]{32}$'),
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  scan_id uuid not null,
  run_id text,
  confirmed_scan uuid not null,
  confirmed_at timestamptz not null,
  base_fingerprint text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  foreign key (target_id, confirmed_scan) references ops.scans (target_id, scan_id) on delete restrict
);
create index remediation_plans_scan on ops.remediation_plans (target_id, scan_id);
create index remediation_plans_confirmed on ops.remediation_plans (target_id, confirmed_scan);
comment on table ops.remediation_plans is
  'One row: one set of proposals for one target in one state of its catalogue (clause 11.1). scan_id first led to it; confirmed_scan is the '
  'latest scan that led to the same plan. platformkit:not-tenant-scoped describes proposed changes, holds no data of customers';
comment on column ops.remediation_plans.base_fingerprint is 'Catalogue fingerprint the plan is made for; a target with another one has moved on.';
create trigger remediation_plans_touch before update on ops.remediation_plans for each row execute function ops.touch_updated_at();
create trigger remediation_plans_audit_delete after delete on ops.remediation_plans
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger remediation_plans_audit_truncate after truncate on ops.remediation_plans for each statement execute function ops.audit_destruction();
alter table ops.remediation_plans enable row level security;
create policy pipeline_reads on ops.remediation_plans for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.remediation_plans for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.remediation_plans for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.remediation_plans for select to platformkit_reader using (true);
grant select, insert on ops.remediation_plans to platformkit_pipeline;
grant update (confirmed_scan, confirmed_at) on ops.remediation_plans to platformkit_pipeline;
grant select on ops.remediation_plans to platformkit_reader;

create table ops.remediation_patches (
  plan_id text not null references ops.remediation_plans (plan_id) on delete cascade,
  position integer not null check (position > 0),
  kind text not null check (kind in ('sql', 'manual')),
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  scan_id uuid not null,
  run_id text,
  finding_id bigint references ops.findings (finding_id) on delete set null,
  finding_fingerprint text not null check (finding_fingerprint ~ '^[0-9a-f]{32}$'),
  rule text not null,
  object_kind text not null,
  object_schema text,
  object_name text not null,
  object_detail json not null,
  title text,
  up text[] not null default '{}',
  down text[] not null default '{}',
  transactional boolean,
  proof text check (proof in ('unproven', 'proven', 'refuted')),
  notes text[] not null default '{}',
  reason text,
  steps text[] not null default '{}',
  digest text check (digest ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (plan_id, position),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check (kind <> 'sql' or (num_nulls(title, transactional, proof, digest) = 0 and reason is null and cardinality(up) > 0)),
  check (kind <> 'manual' or (num_nonnulls(title, transactional, proof, digest) = 0 and reason is not null and cardinality(up) = 0))
);
create index remediation_patches_scan on ops.remediation_patches (target_id, scan_id);
create index remediation_patches_finding on ops.remediation_patches (finding_id);
create index remediation_patches_fingerprint on ops.remediation_patches (finding_fingerprint);
comment on table ops.remediation_patches is
  'One row: one item of a plan, in the order of application: sql statements that mend a finding, or manual work with the reason why no safe SQL exists. '
  'platformkit:not-tenant-scoped describes proposed changes, holds no data of customers';
comment on column ops.remediation_patches.finding_id is 'The finding that was open when the plan was stored; null when the finding was not stored.';
comment on column ops.remediation_patches.up is 'Statements without semicolon, in order.';
create trigger remediation_patches_touch before update on ops.remediation_patches for each row execute function ops.touch_updated_at();
create trigger remediation_patches_audit_delete after delete on ops.remediation_patches
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger remediation_patches_audit_truncate after truncate on ops.remediation_patches for each statement execute function ops.audit_destruction();
alter table ops.remediation_patches enable row level security;
create policy pipeline_reads on ops.remediation_patches for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.remediation_patches for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.remediation_patches for select to platformkit_reader using (true);
grant select, insert on ops.remediation_patches to platformkit_pipeline;
grant select on ops.remediation_patches to platformkit_reader;

reset role;
