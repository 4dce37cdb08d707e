-- One row in: one plan that is not known yet.
insert into ops.remediation_plans (plan_id, target_id, scan_id, run_id, confirmed_scan, confirmed_at, base_fingerprint)
select %(plan_id)s, s.target_id, s.scan_id, s.run_id, s.scan_id, s.started_at, %(base_fingerprint)s
  from ops.scans s
 where s.scan_id = %(scan_id)s
    on conflict (plan_id) do nothing
