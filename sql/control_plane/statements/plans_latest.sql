-- One row: the plan of the target that the latest scan led to.
select p.plan_id, t.name, p.confirmed_scan::text, p.base_fingerprint, p.proof_detail
  from ops.remediation_plans p
  join ops.targets t on t.target_id = p.target_id
 where p.target_id = %(target_id)s
 order by p.confirmed_at desc, p.created_at desc, p.plan_id
 limit 1
