-- One row in: one known plan to which a later scan led again.
update ops.remediation_plans p
   set confirmed_scan = s.scan_id, confirmed_at = s.started_at
  from ops.scans s
 where p.plan_id = %(plan_id)s and p.target_id = %(target_id)s and s.scan_id = %(scan_id)s and s.started_at > p.confirmed_at
