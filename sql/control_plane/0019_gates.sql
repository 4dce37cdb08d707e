-- Gates (clauses 4.2, 11.1, 12): answers about a deployment, a registration and a repository's commit, and what two people override.

set role platformkit_owner;

create table ops.gate_overrides (
  override_id uuid primary key,
  target_id bigint not null references ops.targets (target_id) on delete restrict,
  gate text not null check (gate in ('deploy', 'registration')),
  reason text not null check (btrim(reason) <> ''),
  requested_by text not null check (btrim(requested_by) <> ''),
  approved_by text not null check (btrim(approved_by) <> ''),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  ended_at timestamptz,
  ended_by text check (btrim(ended_by) <> ''),
  end_reason text check (btrim(end_reason) <> ''),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (lower(btrim(requested_by)) <> lower(btrim(approved_by))),
  check (ends_at > starts_at and ends_at <= starts_at + interval '24 hours'),
  check (num_nulls(ended_at, ended_by, end_reason) in (0, 3)),
  check (ended_at >= starts_at)
);
create index gate_overrides_target on ops.gate_overrides (target_id, gate, ends_at desc);
comment on table ops.gate_overrides is
  'One row: two people let one target through one gate that says no, for at most 24 hours. platformkit:not-tenant-scoped describes decisions, holds no data of customers';
comment on column ops.gate_overrides.ended_at is 'When somebody ended it before its time; what is ended stays so.';
create trigger gate_overrides_touch before update on ops.gate_overrides for each row execute function ops.touch_updated_at();
create trigger gate_overrides_audit after insert or update on ops.gate_overrides
  for each row execute function ops.audit_change('gate.overridden', 'gate.override_ended');
create trigger gate_overrides_audit_delete after delete on ops.gate_overrides
  referencing old table as old_rows for each statement execute function ops.audit_destruction();
create trigger gate_overrides_audit_truncate after truncate on ops.gate_overrides for each statement execute function ops.audit_destruction();
alter table ops.gate_overrides enable row level security;
create policy pipeline_reads on ops.gate_overrides for select to platformkit_pipeline using (true);
create policy pipeline_adds on ops.gate_overrides for insert to platformkit_pipeline with check (true);
create policy pipeline_updates on ops.gate_overrides for update to platformkit_pipeline using (ended_at is null) with check (true);
create policy reader_reads on ops.gate_overrides for select to platformkit_reader using (true);
grant select, insert on ops.gate_overrides to platformkit_pipeline;
grant update (ended_at, ended_by, end_reason) on ops.gate_overrides to platformkit_pipeline;
grant select on ops.gate_overrides to platformkit_reader;

alter table ops.gate_decisions drop constraint gate_decisions_gate_check;
alter table ops.gate_decisions add constraint gate_decisions_gate_check check (gate in ('merge', 'deploy', 'registration'));
alter table ops.gate_decisions drop constraint gate_decisions_check;
alter table ops.gate_decisions add constraint gate_decisions_rests_on_something
  check (gate <> 'merge' or verdict = 'unknown' or num_nonnulls(parity_id, scan_id) > 0);
alter table ops.gate_decisions
  add column override_id uuid references ops.gate_overrides (override_id) on delete restrict,
  add column judged text check (judged in ('yes', 'no', 'unknown')),
  add constraint gate_decisions_overridden check (override_id is null or (judged = 'no' and verdict = 'yes')),
  add constraint gate_decisions_judged check (override_id is not null or judged is null or judged = verdict);
create index gate_decisions_override on ops.gate_decisions (override_id);
create index gate_decisions_decided on ops.gate_decisions (decided_at, decision_id);
comment on column ops.gate_decisions.override_id is 'The override that turned a no into this yes; null where none did.';
comment on column ops.gate_decisions.judged is 'The verdict without any override; null in rows of before overrides, where it is the verdict.';

reset role;
