-- One row in: one finding that starts a life.
insert into ops.findings (target_id, fingerprint, occurrence, rule, rule_name, clause, severity, outcome, object_kind, object_schema, object_name,
                          object_detail, message, evidence, patch, first_seen_scan, first_seen_at, changed_scan, run_id)
select s.target_id, %(fingerprint)s, %(occurrence)s, %(rule)s, %(rule_name)s, %(clause)s, %(severity)s, %(outcome)s,
       %(object_kind)s, %(object_schema)s, %(object_name)s, %(object_detail)s::json, %(message)s, %(evidence)s::json, %(patch)s,
       s.scan_id, s.started_at, s.scan_id, s.run_id
  from ops.scans s
 where s.scan_id = %(scan_id)s
