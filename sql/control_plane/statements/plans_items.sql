-- One row: one item of a plan, in the order of application.
select kind, rule, object_kind, object_schema, object_name, object_detail, finding_fingerprint,
       title, up, down, transactional, effects, proof_detail, notes, reason, steps
  from ops.remediation_patches
 where plan_id = %(plan_id)s
 order by position
