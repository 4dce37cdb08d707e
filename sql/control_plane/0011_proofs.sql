-- Proofs of patches and of whole plans: what a patch may change, and what trials on a shadow of the target said.

set role platformkit_owner;

alter table ops.remediation_patches add column effects json not null default '{}';
alter table ops.remediation_patches add column proof_detail json;
alter table ops.remediation_patches add column reversible boolean;
alter table ops.remediation_patches add column proven_at timestamptz;
alter table ops.remediation_patches add column proof_run text;
alter table ops.remediation_patches add constraint remediation_patches_proof_whole
  check (kind <> 'sql' or (proof = 'unproven' and proof_detail is null) or (proof_detail is not null and num_nulls(reversible, proven_at) = 0));
comment on column ops.remediation_patches.effects is
  'What the patch may do: kinds of statement, catalogue objects, cells of the role matrix, rules that may report something new.';
comment on column ops.remediation_patches.proof_detail is 'The ten obligations with verdict and reason, fingerprints, rule set and server; null when nobody tried.';
comment on column ops.remediation_patches.reversible is 'Whether the undo was tried and restored everything.';
comment on column ops.remediation_patches.proof_run is 'The run that tried it; a plan may be proven later than it was made.';
create policy pipeline_proves on ops.remediation_patches for update to platformkit_pipeline using (true) with check (true);
grant update (proof, proof_detail, reversible, proven_at, proof_run) on ops.remediation_patches to platformkit_pipeline;

alter table ops.remediation_plans add column proof text not null default 'unproven' check (proof in ('unproven', 'proven', 'refuted'));
alter table ops.remediation_plans add column proof_detail json;
alter table ops.remediation_plans add column score_before numeric(4, 1);
alter table ops.remediation_plans add column score_after numeric(4, 1);
alter table ops.remediation_plans add column proven_at timestamptz;
comment on column ops.remediation_plans.proof is 'Of all proven patches together, in their order.';
comment on column ops.remediation_plans.score_after is 'The raw score that a scan will show when all proven patches are applied; null when it cannot be told.';
grant update (proof, proof_detail, score_before, score_after, proven_at) on ops.remediation_plans to platformkit_pipeline;

reset role;
