-- One row: the scan of the target that started last, among those of the given states.
select scan_id::text, target_id, started_at, duration_seconds, server_version, catalog_fingerprint, server, statistics, unobserved, run_id, set_digest,
       object_count, inventoried_at, status, completed_at, ruleset_digest, raw_score_exact, effective_score_exact, counts, judged_rules,
       activity, head_commit, head_branch
  from ops.scans
 where target_id = %(target_id)s and status = any (%(states)s)
 order by started_at desc, scan_id
 limit 1
