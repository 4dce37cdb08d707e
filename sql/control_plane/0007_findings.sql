-- Findings: results that are FAIL or UNKNOWN, each with its life.
--
-- A finding that comes back after its resolution opens a new life: a new row with the next occurrence. So no row is ever
-- re-opened, and first_seen and resolved of every earlier life stay readable.

set role platformkit_owner;

create table ops.findings (
  finding_id bigint generated always as identity primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  fingerprint text not null check (fingerprint ~ '^[0-9a-f]{32}$'),
  occurrence integer not null check (occurrence > 0),
  rule text not null,
  rule_name text not null,
  clause text not null,
  severity text not null check (severity in ('critical', 'high', 'medium', 'low', 'info')),
  outcome text not null check (outcome in ('FAIL', 'UNKNOWN')),
  object_kind text not null,
  object_schema text,
  object_name text not null,
  object_detail json not null,
  message text not null,
  evidence json not null,
  patch text not null check (patch in ('sql', 'file', 'setting', 'manual')),
  first_seen_scan uuid not null,
  first_seen_at timestamptz not null,
  changed_scan uuid not null,
  last_seen_scan uuid,
  last_seen_at timestamptz,
  resolved_scan uuid,
  resolved_at timestamptz,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (target_id, fingerprint, occurrence),
  foreign key (target_id, first_seen_scan) references ops.scans (target_id, scan_id) on delete restrict,
  foreign key (target_id, changed_scan) references ops.scans (target_id, scan_id) on delete restrict,
  foreign key (target_id, last_seen_scan) references ops.scans (target_id, scan_id) on delete restrict,
  foreign key (target_id, resolved_scan) references ops.scans (target_id, scan_id) on delete restrict,
  check (num_nulls(last_seen_scan, last_seen_at, resolved_scan, resolved_at) in (0, 4))
) with (fillfactor = 90);
create unique index findings_one_open_life on ops.findings (target_id, fingerprint) where resolved_scan is null;
create index findings_open_rule on ops.findings (target_id, rule) where resolved_scan is null;
create index findings_first_seen on ops.findings (target_id, first_seen_scan);
create index findings_changed on ops.findings (target_id, changed_scan);
create index findings_last_seen on ops.findings (target_id, last_seen_scan);
create index findings_resolved on ops.findings (target_id, resolved_scan);
comment on table ops.findings is
  'One row: one life of one finding, from the scan that first saw it to the scan that no longer did. last_seen is written at resolution; '
  'for an open finding it is the latest scan that judged its rule, see ops.open_findings: a night without change rewrites no row. '
  'platformkit:not-tenant-scoped describes catalogue objects, holds no data of customers';
comment on column ops.findings.fingerprint is 'Stable hash of rule, target and object; the same in every life.';
comment on column ops.findings.occurrence is '1 for the first life, 2 after the first return, and so on.';
comment on column ops.findings.changed_scan is 'Scan that last changed outcome, severity, message, evidence or patch of this life.';
comment on column ops.findings.run_id is 'Dagster run that last wrote the row; null outside Dagster.';
create trigger findings_touch before update on ops.findings for each row execute function ops.touch_updated_at();
create trigger findings_audit_delete after delete on ops.findings
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger findings_audit_truncate after truncate on ops.findings for each statement execute function ops.audit_destruction();
alter table ops.findings enable row level security;
create policy pipeline_reads on ops.findings for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.findings for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.findings for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.findings for select to platformkit_reader using (true);
grant select, insert on ops.findings to platformkit_pipeline;
grant update (rule_name, clause, severity, outcome, message, evidence, patch, changed_scan, last_seen_scan, last_seen_at, resolved_scan, resolved_at, run_id)
  on ops.findings to platformkit_pipeline;
grant select on ops.findings to platformkit_reader;

create view ops.open_findings with (security_invoker = true) as
  select t.kind as target_kind, t.name as target_name, t.environment, f.target_id, f.finding_id, f.fingerprint, f.occurrence,
         f.rule, f.rule_name, f.clause, f.severity, f.outcome, f.object_kind, f.object_schema, f.object_name, f.object_detail,
         f.message, f.evidence, f.patch, f.first_seen_scan, f.first_seen_at, f.changed_scan,
         seen.scan_id as last_seen_scan, seen.started_at as last_seen_at, f.run_id
    from ops.findings f
    join ops.targets t on t.target_id = f.target_id
    left join lateral (
      select s.scan_id, s.started_at from ops.scans s
       where s.target_id = f.target_id and f.rule = any (s.judged_rules)
       order by s.started_at desc, s.scan_id limit 1
    ) seen on true
   where f.resolved_scan is null and t.retired_at is null;
comment on view ops.open_findings is 'One row: one finding of an active target that is open now, with the latest scan that saw it.';
grant select on ops.open_findings to platformkit_pipeline, platformkit_reader;

create view ops.compliance_by_target with (security_invoker = true) as
  select t.target_id, t.kind as target_kind, t.name as target_name, t.environment, t.owners,
         latest.scan_id, latest.run_id, latest.started_at as scanned_at, latest.ruleset_digest, latest.raw_score, latest.effective_score, latest.object_count,
         found.critical, found.high, found.medium, found.low, found.info, found.unknown, found.oldest_first_seen_at
    from ops.targets t
    left join lateral (
      select s.* from ops.scans s where s.target_id = t.target_id and s.status = 'complete' order by s.started_at desc, s.scan_id limit 1
    ) latest on true
    cross join lateral (
      select count(*) filter (where f.severity = 'critical') as critical,
             count(*) filter (where f.severity = 'high') as high,
             count(*) filter (where f.severity = 'medium') as medium,
             count(*) filter (where f.severity = 'low') as low,
             count(*) filter (where f.severity = 'info') as info,
             count(*) filter (where f.outcome = 'UNKNOWN') as unknown,
             min(f.first_seen_at) as oldest_first_seen_at
        from ops.findings f where f.target_id = t.target_id and f.resolved_scan is null
    ) found
   where t.retired_at is null;
comment on view ops.compliance_by_target is
  'One row: one active target with its latest complete scan (null when there is none) and its open findings by severity; unknown counts within those.';
grant select on ops.compliance_by_target to platformkit_pipeline, platformkit_reader;

reset role;
