-- One row: one finding that is open now.
select finding_id, fingerprint, occurrence, rule, rule_name, clause, severity, outcome, object_kind, object_schema, object_name, object_detail,
       message, evidence, patch, first_seen_scan::text, first_seen_at, last_seen_scan::text, last_seen_at
  from ops.open_findings
 where target_id = %(target_id)s
