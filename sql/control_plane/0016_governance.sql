-- Waivers and exceptions (clause 10), and what people were told (clause 4.2). Granted, revoked and changed rows are written to the audit log
-- here, so that no way in leaves it out.

set role platformkit_owner;

-- The control plane is a target itself: its waivers, its audit chain and its nights are judged like anything else.
alter table ops.targets drop constraint targets_kind_check;
alter table ops.targets add constraint targets_kind_check check (kind in ('supabase_project', 'repository', 'connector', 'control_plane'));

-- Arguments: the action for a new row, and for a changed one.
create function ops.audit_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
declare
  changed jsonb := to_jsonb(new);
begin
  perform ops.audit_append(jsonb_build_array(jsonb_build_object(
    'action', case tg_op when 'INSERT' then tg_argv[0] else tg_argv[1] end,
    'object', format('%I.%I', tg_table_schema, tg_table_name),
    'scan_id', changed ->> 'scan_id', 'run_id', changed ->> 'run_id',
    'detail', case tg_op when 'INSERT' then jsonb_build_object('new', changed)
                         else jsonb_build_object('old', to_jsonb(old), 'new', changed) end)));
  return null;
end
$function$;
comment on function ops.audit_change() is 'Trigger: writes a new or changed row to the audit log, whole (clause 11.1).';
revoke execute on function ops.audit_change() from public;

create table ops.waivers (
  waiver_id uuid primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  environment text not null check (environment <> 'production'),
  rule text not null check (rule ~ '^([A-Z]{3}[0-9]{3}|parity/(api|data|event|behavior|drift))$'),
  fingerprint text check (fingerprint ~ '^[0-9a-f]{32}$'),
  object_pattern text check (btrim(object_pattern) <> ''),
  reason text not null check (btrim(reason) <> ''),
  granted_by text not null check (btrim(granted_by) <> ''),
  starts_on date not null,
  expires_on date not null,
  extends uuid references ops.waivers (waiver_id) on delete restrict,
  revoked_at timestamptz,
  revoked_by text check (btrim(revoked_by) <> ''),
  revoke_reason text check (btrim(revoke_reason) <> ''),
  scan_id uuid,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check (num_nonnulls(fingerprint, object_pattern) = 1),
  check (expires_on between starts_on and starts_on + 29),
  check (num_nonnulls(revoked_at, revoked_by, revoke_reason) in (0, 3))
);
create index waivers_target on ops.waivers (target_id, rule);
create index waivers_scan on ops.waivers (target_id, scan_id);
create index waivers_extends on ops.waivers (extends);
comment on table ops.waivers is
  'One row: one waiver of one rule for objects of one target (clause 10.2), from its first to its last day (UTC, both included). Never in '
  'production, and never longer than 30 days in all for one rule and object. platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.waivers.environment is 'Of the target when the waiver was granted; a target that became production later is not covered any more.';
comment on column ops.waivers.rule is 'Code of a rule, or parity/<dimension> for checks of contracts.';
comment on column ops.waivers.object_pattern is 'Shell pattern of the object''s name as it is shown, for example public.orders or public.*; of contracts <contract>/<check>.';
comment on column ops.waivers.scan_id is 'The scan whose finding was waived, where there is one.';

-- The environment is the target's, whatever the statement says; and the days of one subject are counted together.
create function ops.waiver_limits() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
declare
  days bigint;
begin
  if tg_op = 'UPDATE' then
    if old.revoked_at is not null then
      raise exception 'waiver % is revoked: what is revoked stays so', old.waiver_id using errcode = 'restrict_violation';
    end if;
    return new;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('platformkit.waivers', new.target_id));
  select t.environment into strict new.environment from ops.targets t where t.target_id = new.target_id;
  if new.environment = 'production' then
    raise exception 'no waiver in production (clause 10.2)' using
      errcode = 'check_violation', constraint = 'waivers_environment_check', table = 'waivers', schema = 'ops',
      hint = 'mend the finding, or document an exception (clause 10.1)';
  end if;
  select count(distinct d.day) into days
    from (select w.starts_on, least(w.expires_on, (w.revoked_at at time zone 'UTC')::date) as ends_on from ops.waivers w
           where w.target_id = new.target_id and w.rule = new.rule
             and w.fingerprint is not distinct from new.fingerprint and w.object_pattern is not distinct from new.object_pattern
          union all select new.starts_on, new.expires_on) spans
    cross join lateral generate_series(spans.starts_on, spans.ends_on, interval '1 day') as d (day);
  if days > 30 then
    raise exception 'this would be % days of waivers for one rule and object, 30 is the limit (clause 10.2)', days using
      errcode = 'check_violation', constraint = 'waivers_thirty_days_in_all', table = 'waivers', schema = 'ops',
      hint = 'mend the finding, or document an exception (clause 10.1)';
  end if;
  return new;
end
$function$;
comment on function ops.waiver_limits() is 'Trigger: no waiver in production, and no more than 30 days in all for one rule and object (clause 10.2).';
revoke execute on function ops.waiver_limits() from public;

create trigger waivers_limits before insert or update on ops.waivers for each row execute function ops.waiver_limits();
alter table ops.waivers enable always trigger waivers_limits;
create trigger waivers_touch before update on ops.waivers for each row execute function ops.touch_updated_at();
create trigger waivers_audit after insert or update on ops.waivers
  for each row execute function ops.audit_change('waiver.granted', 'waiver.revoked');
create trigger waivers_audit_delete after delete on ops.waivers
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger waivers_audit_truncate after truncate on ops.waivers for each statement execute function ops.audit_destruction();
alter table ops.waivers enable row level security;
create policy pipeline_reads on ops.waivers for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.waivers for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.waivers for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.waivers for select to platformkit_reader using (true);
grant select, insert on ops.waivers to platformkit_pipeline;
grant update (revoked_at, revoked_by, revoke_reason) on ops.waivers to platformkit_pipeline;
grant select on ops.waivers to platformkit_reader;

create table ops.exceptions (
  exception_id bigint generated always as identity primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  path text not null check (path <> ''),
  content_digest text not null check (content_digest ~ '^[0-9a-f]{64}$'),
  title text not null,
  rules text[] not null default '{}',
  objects text[] not null default '{}',
  target_names text[] not null default '{}',
  rationale text not null default '',
  risk text not null default '',
  mitigation text not null default '',
  documented_on date,
  expires_on date,
  security_owner text,
  security_approved_on date,
  architect text,
  architect_approved_on date,
  faults text[] not null default '{}',
  commit text check (commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'),
  scan_id uuid,
  run_id text,
  removed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (target_id, path),
  foreign key (target_id, scan_id) references ops.scans (target_id, scan_id) on delete restrict,
  check (cardinality(faults) > 0 or (cardinality(rules) > 0 and rationale <> '' and risk <> '' and mitigation <> '' and expires_on is not null
                                     and security_owner <> '' and architect <> '' and lower(security_owner) <> lower(architect)
                                     and num_nulls(security_owner, architect, security_approved_on, architect_approved_on) = 0))
);
create index exceptions_scan on ops.exceptions (target_id, scan_id);
comment on table ops.exceptions is
  'One row: one exception document of a repository as it was last read (clause 10.1). It covers something from its later approval to its last day '
  '(UTC, included) when faults is empty and it was not removed. platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.exceptions.target_id is 'The repository whose docs/exceptions holds the document.';
comment on column ops.exceptions.objects is 'Shell patterns of objects as they are shown; none means every object of the rules.';
comment on column ops.exceptions.target_names is 'Names of the targets it is for; none means the repository and every project whose repository it is.';
comment on column ops.exceptions.faults is 'Why it covers nothing, one sentence each.';
comment on column ops.exceptions.removed_at is 'When a scan no longer found the document.';
create trigger exceptions_touch before update on ops.exceptions for each row execute function ops.touch_updated_at();
create trigger exceptions_audit after insert or update on ops.exceptions
  for each row execute function ops.audit_change('exception.recorded', 'exception.changed');
create trigger exceptions_audit_delete after delete on ops.exceptions
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger exceptions_audit_truncate after truncate on ops.exceptions for each statement execute function ops.audit_destruction();
alter table ops.exceptions enable row level security;
create policy pipeline_reads on ops.exceptions for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.exceptions for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.exceptions for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.exceptions for select to platformkit_reader using (true);
grant select, insert on ops.exceptions to platformkit_pipeline;
grant update (content_digest, title, rules, objects, target_names, rationale, risk, mitigation, documented_on, expires_on, security_owner,
              security_approved_on, architect, architect_approved_on, faults, commit, scan_id, run_id, removed_at)
  on ops.exceptions to platformkit_pipeline;
grant select on ops.exceptions to platformkit_reader;

create table ops.alerts (
  alert_id bigint generated always as identity primary key,
  kind text not null check (kind ~ '^[a-z]+(\.[a-z_]+)+$'),
  target_id bigint references ops.targets (target_id) on delete restrict,
  subject text not null check (subject <> ''),
  occurrence integer not null check (occurrence > 0),
  severity text not null check (severity in ('critical', 'high', 'medium', 'low', 'info')),
  headline text not null,
  payload json not null,
  raised_at timestamptz not null,
  settled_at timestamptz,
  scan_id uuid references ops.scans (scan_id) on delete restrict,
  run_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (settled_at >= raised_at)
);
create unique index alerts_lives on ops.alerts (kind, coalesce(target_id, 0), subject, occurrence);
create unique index alerts_one_open on ops.alerts (kind, coalesce(target_id, 0), subject) where settled_at is null;
create index alerts_target on ops.alerts (target_id);
create index alerts_scan on ops.alerts (scan_id);
create index alerts_raised on ops.alerts (raised_at desc);
comment on table ops.alerts is
  'One row: one life of one thing that people are told about, from the message that it is so to the message that it is over (clause 4.2). '
  'platformkit:not-tenant-scoped describes messages to operators, holds no data of customers';
comment on column ops.alerts.target_id is 'Null for what concerns the platform as a whole.';
comment on column ops.alerts.subject is 'What it is about within kind and target, stable from night to night: a fingerprint, the id of a waiver.';
comment on column ops.alerts.settled_at is 'When it was over; at once where an alert tells of something that happened and does not last.';
create trigger alerts_touch before update on ops.alerts for each row execute function ops.touch_updated_at();
create trigger alerts_audit_delete after delete on ops.alerts
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger alerts_audit_truncate after truncate on ops.alerts for each statement execute function ops.audit_destruction();
alter table ops.alerts enable row level security;
create policy pipeline_reads on ops.alerts for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.alerts for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.alerts for update to platformkit_pipeline using (true) with check (true);
create policy reader_reads on ops.alerts for select to platformkit_reader using (true);
grant select, insert on ops.alerts to platformkit_pipeline;
grant update (settled_at) on ops.alerts to platformkit_pipeline;
grant select on ops.alerts to platformkit_reader;

create view ops.expiring_waivers with (security_invoker = true) as
  select t.name as target_name, t.environment, w.waiver_id, w.target_id, w.rule, w.fingerprint, w.object_pattern, w.reason, w.granted_by,
         w.starts_on, w.expires_on, w.expires_on - (now() at time zone 'UTC')::date as days_left
    from ops.waivers w
    join ops.targets t on t.target_id = w.target_id
   where w.revoked_at is null and t.retired_at is null
     and w.expires_on between (now() at time zone 'UTC')::date and (now() at time zone 'UTC')::date + 7
   order by w.expires_on, w.waiver_id;
comment on view ops.expiring_waivers is 'One row: one waiver that ends within seven days (clause 10.2); days_left is 0 on its last day.';
grant select on ops.expiring_waivers to platformkit_pipeline, platformkit_reader;

reset role;
