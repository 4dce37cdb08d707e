-- Annual reviews (clause 11.2), amendments of the constitution with what they ask of each target (clause 13), and the organisation's
-- README as it was last rendered (clause 3.4). Every new and changed row is written to the audit log here.

set role platformkit_owner;

create table ops.reviews (
  year integer primary key check (year between 2000 and 9999),
  due date not null,
  opened_at timestamptz not null,
  since timestamptz not null,
  agenda text not null check (btrim(agenda) <> ''),
  figures json not null,
  constitution_before text,
  issue text check (btrim(issue) <> ''),
  completed_at timestamptz,
  completed_by text check (btrim(completed_by) <> ''),
  outcome text check (btrim(outcome) <> ''),
  constitution_after text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (since < opened_at),
  check (completed_at >= opened_at),
  check (num_nonnulls(completed_at, completed_by, outcome) in (0, 3)),
  check (completed_at is not null or constitution_after is null)
);
comment on table ops.reviews is
  'One row: the review of the constitution in one year (clause 11.2), open until somebody says what came of it. '
  'platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.reviews.due is 'Last day of the first quarter (UTC).';
comment on column ops.reviews.since is 'Figures are of the time from here to opened_at.';
comment on column ops.reviews.issue is 'Where it was discussed, as the person who completed it says.';

-- What was said about a review stays: it is completed once.
create function ops.review_is_completed_once() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if old.completed_at is not null then
    raise exception 'the review of % is completed: what it came to stays so', old.year using errcode = 'restrict_violation';
  end if;
  return new;
end
$function$;
comment on function ops.review_is_completed_once() is 'Trigger: a completed review is not changed (clause 11.2).';
revoke execute on function ops.review_is_completed_once() from public;

create trigger reviews_once before update on ops.reviews for each row execute function ops.review_is_completed_once();
create trigger reviews_touch before update on ops.reviews for each row execute function ops.touch_updated_at();
create trigger reviews_audit after insert or update on ops.reviews
  for each row execute function ops.audit_change('review.opened', 'review.completed');
create trigger reviews_audit_delete after delete on ops.reviews
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger reviews_audit_truncate after truncate on ops.reviews for each statement execute function ops.audit_destruction();
alter table ops.reviews enable row level security;
create policy pipeline_reads on ops.reviews for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.reviews for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.reviews for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.reviews for select to platformkit_reader using (true);
grant select, insert on ops.reviews to platformkit_pipeline;
grant update (issue, completed_at, completed_by, outcome, constitution_after) on ops.reviews to platformkit_pipeline;
grant select on ops.reviews to platformkit_reader;

create table ops.amendments (
  amendment_id bigint generated always as identity primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  path text not null check (path <> ''),
  version text,
  title text not null,
  rules text[] not null default '{}',
  approvals json not null,
  accepted_on date,
  deadline date,
  content_digest text not null check (content_digest ~ '^[0-9a-f]{64}$'),
  faults text[] not null default '{}',
  announced_at timestamptz,
  scan_id uuid not null,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (target_id, path),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check (deadline <= accepted_on + 90),
  check (announced_at is null or (cardinality(faults) = 0 and num_nulls(version, accepted_on, deadline) = 0))
);
create index amendments_scan on ops.amendments (target_id, scan_id);
comment on table ops.amendments is
  'One row: one document that amends the constitution, as it was when it was announced, or as it is while it lacks something (clause 13). '
  'platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.amendments.target_id is 'The repository with the constitution.';
comment on column ops.amendments.rules is 'Codes of rules whose findings tell whether a target follows it; none: its document tells.';
comment on column ops.amendments.accepted_on is 'Day of the later approval.';
comment on column ops.amendments.deadline is 'Last day for existing targets: 90 days later, or earlier as the document says.';
comment on column ops.amendments.faults is 'What it lacks to be accepted, one sentence each.';
comment on column ops.amendments.scan_id is 'The observation it was read from.';
create trigger amendments_touch before update on ops.amendments for each row execute function ops.touch_updated_at();
create trigger amendments_audit after insert or update on ops.amendments
  for each row execute function ops.audit_change('amendment.recorded', 'amendment.changed');
create trigger amendments_audit_delete after delete on ops.amendments
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger amendments_audit_truncate after truncate on ops.amendments for each statement execute function ops.audit_destruction();
alter table ops.amendments enable row level security;
create policy pipeline_reads on ops.amendments for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.amendments for insert to platformkit_pipeline with check (true);
-- What people were told of an amendment stays: days and rules do not move once it is announced.
create policy pipeline_updates on ops.amendments for update to platformkit_pipeline using (announced_at is null) with check (true);
create policy reader_reads on ops.amendments for select to platformkit_reader using (true);
grant select, insert on ops.amendments to platformkit_pipeline;
grant update (version, title, rules, approvals, accepted_on, deadline, content_digest, faults, announced_at, scan_id, run_id)
  on ops.amendments to platformkit_pipeline;
grant select on ops.amendments to platformkit_reader;

create table ops.amendment_targets (
  amendment_id bigint not null references ops.amendments (amendment_id) on delete cascade,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  due date not null,
  done_at timestamptz,
  how text check (how in ('findings', 'document')),
  scan_id uuid,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (amendment_id, target_id),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check ((done_at is null) = (how is null)),
  check (how is distinct from 'findings' or scan_id is not null)
);
create index amendment_targets_scan on ops.amendment_targets (target_id, scan_id);
comment on table ops.amendment_targets is
  'One row: one target that an announced amendment binds, and since when it follows it (clause 13: 90 days from the approval). '
  'platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.amendment_targets.how is 'findings: a scan found no violation of its rules; document: the amendment says that all is done.';
comment on column ops.amendment_targets.scan_id is 'The scan that tells so.';
create trigger amendment_targets_touch before update on ops.amendment_targets for each row execute function ops.touch_updated_at();
create trigger amendment_targets_audit after insert or update on ops.amendment_targets
  for each row execute function ops.audit_change('amendment.asked', 'amendment.followed');
create trigger amendment_targets_audit_delete after delete on ops.amendment_targets
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger amendment_targets_audit_truncate after truncate on ops.amendment_targets
  for each statement execute function ops.audit_destruction();
alter table ops.amendment_targets enable row level security;
create policy pipeline_reads on ops.amendment_targets for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.amendment_targets for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.amendment_targets for update to platformkit_pipeline using (done_at is null) with check (true);
create policy reader_reads on ops.amendment_targets for select to platformkit_reader using (true);
grant select, insert on ops.amendment_targets to platformkit_pipeline;
grant update (done_at, how, scan_id, run_id) on ops.amendment_targets to platformkit_pipeline;
grant select on ops.amendment_targets to platformkit_reader;

create table ops.enterprise_readmes (
  readme_id bigint generated always as identity primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  path text not null check (path <> ''),
  content text,
  text_digest text check (text_digest ~ '^[0-9a-f]{64}$'),
  rendered_at timestamptz not null,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored,
  check (num_nulls(content, text_digest) in (0, 2))
);
create index enterprise_readmes_target on ops.enterprise_readmes (target_id, readme_id desc);
comment on table ops.enterprise_readmes is
  'One row: one rendering of the organisation''s README that differs from the one before (clause 3.4); a night without change writes none. '
  'platformkit:not-tenant-scoped describes the fleet, holds no data of customers';
comment on column ops.enterprise_readmes.content is 'Null: from then on nobody has it rendered, because the settings name no repository for it.';
comment on column ops.enterprise_readmes.target_id is 'The repository that holds the file.';
comment on column ops.enterprise_readmes.text_digest is 'SHA-256 that the mark at the end of the text carries.';
create trigger enterprise_readmes_audit_delete after delete on ops.enterprise_readmes
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger enterprise_readmes_audit_truncate after truncate on ops.enterprise_readmes
  for each statement execute function ops.audit_destruction();
alter table ops.enterprise_readmes enable row level security;
create policy pipeline_reads on ops.enterprise_readmes for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.enterprise_readmes for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.enterprise_readmes for select to platformkit_reader using (true);
grant select, insert on ops.enterprise_readmes to platformkit_pipeline;
grant select on ops.enterprise_readmes to platformkit_reader;

reset role;
