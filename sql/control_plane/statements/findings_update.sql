-- One row in: one open finding whose content is another than before.
update ops.findings f
   set rule_name = %(rule_name)s, clause = %(clause)s, severity = %(severity)s, outcome = %(outcome)s, message = %(message)s,
       evidence = %(evidence)s::json, patch = %(patch)s, changed_scan = s.scan_id, run_id = s.run_id
  from ops.scans s
 where f.finding_id = %(finding_id)s and s.scan_id = %(scan_id)s
