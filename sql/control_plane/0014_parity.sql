-- Parity (clause 4.3): what contract tests said, the scores they amount to, and what gates decided from them. Append-only for the pipeline.

set role platformkit_owner;

create table ops.parity_scores (
  parity_id uuid primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  scan_id uuid,
  run_id text,
  started_at timestamptz not null,
  duration_seconds double precision not null check (duration_seconds >= 0),
  head_commit text check (head_commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'),
  head_branch text,
  of_default_branch boolean not null,
  contracts_digest text not null,
  declared text[] not null check (declared <@ array['api', 'data', 'event', 'behavior', 'drift']),
  weights json not null,
  dimensions json not null,
  raw_score numeric(9, 6) check (raw_score between 0 and 100),
  effective_score numeric(9, 6) check (effective_score between raw_score and 100),
  raw_score_exact text check (raw_score_exact ~ '^[0-9]+/[1-9][0-9]*$'),
  effective_score_exact text check (effective_score_exact ~ '^[0-9]+/[1-9][0-9]*$'),
  reason text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check (num_nulls(raw_score, effective_score, raw_score_exact, effective_score_exact) in (0, 4)),
  check (raw_score is not null or reason <> '')
);
create index parity_scores_target on ops.parity_scores (target_id, started_at desc);
create index parity_scores_scan on ops.parity_scores (target_id, scan_id);
comment on table ops.parity_scores is
  'One row: one run of the contracts of one target, with its score. platformkit:not-tenant-scoped describes contract tests, holds no data of customers';
comment on column ops.parity_scores.scan_id is 'The observation it goes with; null for a run that belongs to none.';
comment on column ops.parity_scores.of_default_branch is 'Tells how the default branch, or what is live, stands; false for a change under review.';
comment on column ops.parity_scores.raw_score is 'Rounded down; the exact fraction is in raw_score_exact. Null when there is nothing to score, which reason says.';
create trigger parity_scores_audit_delete after delete on ops.parity_scores
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger parity_scores_audit_truncate after truncate on ops.parity_scores for each statement execute function ops.audit_destruction();
alter table ops.parity_scores enable row level security;
create policy pipeline_reads on ops.parity_scores for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.parity_scores for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.parity_scores for select to platformkit_reader using (true);
grant select, insert on ops.parity_scores to platformkit_pipeline;
grant select on ops.parity_scores to platformkit_reader;

create table ops.contract_results (
  parity_id uuid not null references ops.parity_scores (parity_id) on delete cascade,
  dimension text not null check (dimension in ('api', 'data', 'event', 'behavior', 'drift')),
  contract text not null,
  check_name text not null,
  severity text not null check (severity in ('critical', 'high', 'medium', 'low', 'info')),
  outcome text not null check (outcome in ('PASS', 'FAIL', 'UNKNOWN', 'NA')),
  waived boolean not null,
  message text not null,
  evidence json not null,
  object_count bigint not null check (object_count > 0),
  duration_seconds double precision not null check (duration_seconds >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  primary key (parity_id, dimension, contract, check_name)
);
comment on table ops.contract_results is
  'One row: what one check of one contract said in one run; target, scan and run are those of its row in ops.parity_scores. '
  'platformkit:not-tenant-scoped describes contract tests, holds no data of customers';
comment on column ops.contract_results.check_name is 'Stable name of the check; ''contract'' stands for a contract whose checks could not all be told.';
create trigger contract_results_audit_delete after delete on ops.contract_results
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger contract_results_audit_truncate after truncate on ops.contract_results for each statement execute function ops.audit_destruction();
alter table ops.contract_results enable row level security;
create policy pipeline_reads on ops.contract_results for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.contract_results for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.contract_results for select to platformkit_reader using (true);
grant select, insert on ops.contract_results to platformkit_pipeline;
grant select on ops.contract_results to platformkit_reader;

create table ops.gate_decisions (
  decision_id uuid primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  gate text not null check (gate in ('merge', 'deploy')),
  parity_id uuid references ops.parity_scores (parity_id) on delete restrict,
  base_parity_id uuid references ops.parity_scores (parity_id) on delete restrict,
  scan_id uuid,
  run_id text,
  inputs json not null,
  verdict text not null check (verdict in ('yes', 'no', 'unknown')),
  reasons text[] not null check (cardinality(reasons) > 0),
  decided_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check (gate <> 'merge' or parity_id is not null)
);
create index gate_decisions_target on ops.gate_decisions (target_id, decided_at desc);
create index gate_decisions_scan on ops.gate_decisions (target_id, scan_id);
create index gate_decisions_parity on ops.gate_decisions (parity_id);
create index gate_decisions_base on ops.gate_decisions (base_parity_id);
comment on table ops.gate_decisions is
  'One row: one answer of a gate, with what it was decided from. platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.gate_decisions.inputs is 'Every number that the decision rests on, scores as exact fractions: enough to decide again.';
create trigger gate_decisions_audit_delete after delete on ops.gate_decisions
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger gate_decisions_audit_truncate after truncate on ops.gate_decisions for each statement execute function ops.audit_destruction();
alter table ops.gate_decisions enable row level security;
create policy pipeline_reads on ops.gate_decisions for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.gate_decisions for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.gate_decisions for select to platformkit_reader using (true);
grant select, insert on ops.gate_decisions to platformkit_pipeline;
grant select on ops.gate_decisions to platformkit_reader;

create view ops.latest_parity with (security_invoker = true) as
  select t.target_id, t.kind as target_kind, t.name as target_name, t.environment, t.owners,
         latest.parity_id, latest.scan_id, latest.run_id, latest.started_at as measured_at, latest.head_commit, latest.head_branch,
         latest.contracts_digest, latest.declared, latest.dimensions, latest.raw_score, latest.effective_score, latest.reason,
         said.passed, said.failed, said.unknown
    from ops.targets t
    cross join lateral (
      select p.* from ops.parity_scores p
       where p.target_id = t.target_id and p.of_default_branch
       order by p.started_at desc, p.parity_id limit 1
    ) latest
    cross join lateral (
      select count(*) filter (where r.outcome = 'PASS') as passed,
             count(*) filter (where r.outcome = 'FAIL') as failed,
             count(*) filter (where r.outcome = 'UNKNOWN') as unknown
        from ops.contract_results r where r.parity_id = latest.parity_id
    ) said
   where t.retired_at is null;
comment on view ops.latest_parity is
  'One row: the latest run of the contracts of one active target on its default branch, with the number of its checks by outcome; targets without one are absent.';
grant select on ops.latest_parity to platformkit_pipeline, platformkit_reader;

reset role;
