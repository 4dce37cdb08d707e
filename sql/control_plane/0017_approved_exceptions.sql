-- What an exception was approved as, and whom it covers (clause 10.1).

set role platformkit_owner;

alter table ops.exceptions
  add column approved_digest text check (approved_digest ~ '^[0-9a-f]{64}$'),
  add column approved_days date[] not null default '{}' check (cardinality(approved_days) in (0, 2)),
  add column covers_target_ids bigint[] not null default '{}',
  add check ((approved_digest is null) = (cardinality(approved_days) = 0));
comment on column ops.exceptions.approved_digest is
  'content_digest when its approvals were first read; a document with another one was changed after its approval.';
comment on column ops.exceptions.approved_days is
  'Days of the approvals of approved_digest: Security/Compliance Owner, Platform Architect. A changed document needs later ones of both.';
comment on column ops.exceptions.covers_target_ids is
  'Targets that it covers by the settings of the night: the repository and its projects, or those of them that target_names lists.';
create index exceptions_covers on ops.exceptions using gin (covers_target_ids);
grant update (approved_digest, approved_days, covers_target_ids) on ops.exceptions to platformkit_pipeline;

reset role;
