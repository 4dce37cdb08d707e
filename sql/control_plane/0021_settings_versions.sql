-- What the settings were, each time they changed (clause 11.1): who reads the audit log sees what changed, who reads here what they were.
-- And the audit log knows of every target and every answer of a gate, whatever writes them, so that rows can be compared with it.

set role platformkit_owner;

create table ops.settings_versions (
  version_id bigint generated always as identity primary key,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  content jsonb not null,
  changes jsonb not null check (jsonb_typeof(changes) = 'array'),
  changes_left_out integer not null default 0 check (changes_left_out >= 0),
  recorded_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null generated always as (created_at) stored
);
create index settings_versions_recorded on ops.settings_versions (recorded_at desc);
comment on table ops.settings_versions is
  'One row: the settings as they were from recorded_at on, without secrets; the same settings again write none (clause 11.1). '
  'platformkit:not-tenant-scoped describes the fleet, holds no data of customers';
comment on column ops.settings_versions.digest is 'SHA-256 of content in its canonical form.';
comment on column ops.settings_versions.changes is 'What differs from the row before: [{"path": "projects[shop].environment", "old": "staging", "new": "production"}].';
comment on column ops.settings_versions.changes_left_out is 'How many more there are than changes lists.';

-- The whole content stands in the table; the chain holds its digest and what changed.
create function ops.settings_are_audited() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $function$
begin
  perform ops.audit_append(jsonb_build_array(jsonb_build_object(
    'action', 'settings.changed', 'object', 'ops.settings_versions',
    'detail', ops.digested_detail(to_jsonb(new), array['content', 'changes'])
              || jsonb_build_object('digest', new.digest, 'changes', new.changes, 'changes_left_out', new.changes_left_out))));
  return null;
end
$function$;
comment on function ops.settings_are_audited() is 'Trigger: writes what changed in the settings to the audit log (clause 11.1).';
revoke execute on function ops.settings_are_audited() from public;

create trigger settings_versions_audit after insert on ops.settings_versions for each row execute function ops.settings_are_audited();
create trigger settings_versions_audit_delete after delete on ops.settings_versions
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger settings_versions_audit_truncate after truncate on ops.settings_versions
  for each statement execute function ops.audit_destruction();
alter table ops.settings_versions enable row level security;
create policy pipeline_reads on ops.settings_versions for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.settings_versions for insert to platformkit_pipeline with check (true);
create policy reader_reads on ops.settings_versions for select to platformkit_reader using (true);
grant select, insert on ops.settings_versions to platformkit_pipeline;
grant select on ops.settings_versions to platformkit_reader;

-- Rows are compared with what the log says of them: moments have to read alike, whatever session wrote them.
alter function ops.audit_change() set timezone = 'UTC';

-- What is large is digested. `columns` are those; `wrote` is the row as JSON.
create function ops.digested_detail(wrote jsonb, columns text[]) returns jsonb
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $function$
  select jsonb_build_object('new', wrote - columns, 'content_digest', encode(sha256(convert_to(
    (select jsonb_object_agg(name, wrote -> name) from unnest(columns) as name)::text, 'UTF8')), 'hex'))
$function$;
comment on function ops.digested_detail(jsonb, text[]) is 'What the audit log holds of a row with large columns: the rest of it, and the digest of those.';
revoke execute on function ops.digested_detail(jsonb, text[]) from public;
grant execute on function ops.digested_detail(jsonb, text[]) to platformkit_pipeline;

-- Arguments: the action for a new row, that for a changed one, and the columns that are digested.
create function ops.large_change_is_audited() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $function$
begin
  perform ops.audit_append(jsonb_build_array(jsonb_build_object(
    'action', case tg_op when 'INSERT' then tg_argv[0] else tg_argv[1] end,
    'object', format('%I.%I', tg_table_schema, tg_table_name), 'scan_id', new.scan_id, 'run_id', new.run_id,
    'detail', ops.digested_detail(to_jsonb(new), tg_argv[2:]))));
  return null;
end
$function$;
comment on function ops.large_change_is_audited() is 'Trigger: writes a new or changed row to the audit log, large columns by their digest (clause 11.1).';
revoke execute on function ops.large_change_is_audited() from public;

create trigger gate_decisions_audit after insert or update on ops.gate_decisions
  for each row execute function ops.large_change_is_audited('decision.recorded', 'decision.changed', 'inputs', 'reasons');
create trigger alerts_audit after insert or update on ops.alerts
  for each row execute function ops.large_change_is_audited('alert.raised', 'alert.settled', 'payload');

-- What was there before this file.
set local timezone = 'UTC';
select ops.audit_append(coalesce(jsonb_agg(jsonb_build_object(
    'action', 'decision.recorded', 'object', 'ops.gate_decisions', 'scan_id', d.scan_id, 'run_id', d.run_id,
    'detail', ops.digested_detail(to_jsonb(d), array['inputs', 'reasons'])) order by d.decided_at, d.decision_id), '[]'))
  from ops.gate_decisions d;
select ops.audit_append(coalesce(jsonb_agg(jsonb_build_object(
    'action', 'alert.raised', 'object', 'ops.alerts', 'scan_id', a.scan_id, 'run_id', a.run_id,
    'detail', ops.digested_detail(to_jsonb(a), array['payload'])) order by a.alert_id), '[]'))
  from ops.alerts a;

-- A target that is in production has no waivers: nobody moves one out of it unseen.
create function ops.targets_are_audited() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if tg_op = 'UPDATE' and (old.environment, old.owners, old.retired_at is null) = (new.environment, new.owners, new.retired_at is null) then
    return null;
  end if;
  perform ops.audit_append(jsonb_build_array(jsonb_build_object(
    'action', case when new.retired_at is not null then 'target.retired'
                   when tg_op = 'INSERT' or old.retired_at is not null then 'target.added' else 'target.changed' end,
    'object', new.kind || '/' || new.name,
    'detail', jsonb_build_object('environment', new.environment, 'owners', to_jsonb(new.owners)))));
  return null;
end
$function$;
comment on function ops.targets_are_audited() is 'Trigger: writes what becomes of a target to the audit log (clause 11.1).';
revoke execute on function ops.targets_are_audited() from public;
create trigger targets_audit after insert or update on ops.targets for each row execute function ops.targets_are_audited();

reset role;
