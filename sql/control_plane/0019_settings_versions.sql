-- What the settings were, each time they changed (clause 11.1): who reads the audit log sees what changed, who reads here what they were.

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
as $function$
begin
  perform ops.audit_append(jsonb_build_array(jsonb_build_object(
    'action', 'settings.changed', 'object', 'ops.settings_versions',
    'detail', jsonb_build_object('version_id', new.version_id, 'digest', new.digest, 'recorded_at', new.recorded_at,
                                 'changes', new.changes, 'changes_left_out', new.changes_left_out))));
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

reset role;
