-- One row: one open finding of the given rules, with what may change in its life.
select finding_id, fingerprint, rule_name, clause, severity, outcome, message, evidence::text, patch
  from ops.findings
 where target_id = %(target_id)s and rule = any (%(rules)s) and resolved_scan is null
