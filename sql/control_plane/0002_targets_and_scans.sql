-- Targets, and the scans that observed them. A scan belongs to one target, so everything that a scan wrote refers to it
-- by (target_id, scan_id): a row can never name the scan of another target.

set role platformkit_owner;

create table ops.targets (
  target_id bigint generated always as identity primary key,
  kind text not null check (kind in ('supabase_project', 'repository', 'connector')),
  name text not null check (name <> ''),
  environment text not null check (environment in ('production', 'staging', 'development')),
  owners text[] not null default '{}',
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (kind, name)
);
comment on table ops.targets is
  'One row: one thing that is or was observed. Never deleted; retired_at is set when the settings no longer list it. '
  'platformkit:not-tenant-scoped describes the fleet, holds no data of customers';
create trigger targets_touch before update on ops.targets for each row execute function ops.touch_updated_at();
alter table ops.targets enable row level security;
create policy pipeline_reads on ops.targets for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.targets for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.targets for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.targets for select to platformkit_reader using (true);
grant select, insert on ops.targets to platformkit_pipeline;
grant update (environment, owners, retired_at) on ops.targets to platformkit_pipeline;
grant select on ops.targets to platformkit_reader;

create table ops.scans (
  scan_id uuid primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  run_id text,
  status text not null default 'observed' check (status in ('observed', 'complete')),
  started_at timestamptz not null,
  completed_at timestamptz,
  duration_seconds double precision not null check (duration_seconds >= 0),
  server_version text,
  catalog_fingerprint text not null,
  server jsonb,
  statistics jsonb not null default '[]',
  unobserved jsonb not null default '[]',
  set_digest text,
  object_count integer check (object_count >= 0),
  inventoried_at timestamptz,
  judged_rules text[] not null default '{}',
  ruleset_digest text,
  raw_score numeric(9, 6) check (raw_score between 0 and 100),
  effective_score numeric(9, 6) check (effective_score between 0 and 100),
  raw_score_exact text,
  effective_score_exact text,
  counts jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (target_id, scan_id),
  check ((status = 'complete') = (completed_at is not null)),
  check (status <> 'complete' or (ruleset_digest is not null and raw_score_exact is not null and effective_score_exact is not null
                                  and raw_score is not null and effective_score is not null and counts is not null)),
  check (inventoried_at is null or (set_digest is not null and object_count is not null))
);
create index scans_target_started on ops.scans (target_id, started_at desc);
comment on table ops.scans is
  'One row: one observation of one target. observed = seen and stored; complete = judged and scored as well. '
  'platformkit:not-tenant-scoped describes observations, holds no data of customers';
comment on column ops.scans.run_id is 'Dagster run that observed; null outside Dagster.';
comment on column ops.scans.statistics is 'Planner estimates per relation; kept out of the inventory because they change without the schema changing.';
comment on column ops.scans.unobserved is 'What the observing role could not see, and why.';
comment on column ops.scans.set_digest is 'SHA-256 over kind, identity and hash of all objects: two scans with one digest saw the same objects.';
comment on column ops.scans.inventoried_at is 'When the inventory of this scan was stored; null when it was not.';
comment on column ops.scans.judged_rules is 'Codes of the rules whose results are stored. An open finding was last seen by the latest scan that judged its rule.';
comment on column ops.scans.raw_score is 'Rounded down; the exact fraction stands in raw_score_exact as numerator/denominator.';
comment on column ops.scans.counts is 'Results by outcome and severity: {"FAIL": {"critical": 2}}.';
create trigger scans_touch before update on ops.scans for each row execute function ops.touch_updated_at();
alter table ops.scans enable row level security;
create policy pipeline_reads on ops.scans for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.scans for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.scans for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.scans for select to platformkit_reader using (true);
grant select, insert on ops.scans to platformkit_pipeline;
grant update (status, completed_at, set_digest, object_count, inventoried_at, judged_rules, ruleset_digest,
              raw_score, effective_score, raw_score_exact, effective_score_exact, counts) on ops.scans to platformkit_pipeline;
grant select on ops.scans to platformkit_reader;

reset role;
