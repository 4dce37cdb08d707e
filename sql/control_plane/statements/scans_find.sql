-- One row: the scan of that id.
select scan_id::text, target_id, started_at, duration_seconds, server_version, catalog_fingerprint, server, statistics, unobserved, run_id, set_digest,
       object_count, inventoried_at, status, completed_at, ruleset_digest, raw_score_exact, effective_score_exact, counts, judged_rules,
       activity, head_commit, head_branch
  from ops.scans
 where scan_id = %(scan_id)s
