-- One row in: one finding that this scan no longer sees. last_seen becomes the latest scan before it that judged the rule.
update ops.findings f
   set resolved_scan = s.scan_id, resolved_at = s.started_at, last_seen_scan = seen.scan_id, last_seen_at = seen.started_at, run_id = s.run_id
  from ops.scans s,
       ops.findings open_life
 cross join lateral (
   select before.scan_id, before.started_at
     from ops.scans before
    where before.target_id = open_life.target_id and open_life.rule = any (before.judged_rules)
    order by before.started_at desc, before.scan_id
    limit 1
 ) seen
 where f.finding_id = any (%(finding_ids)s) and s.scan_id = %(scan_id)s and open_life.finding_id = f.finding_id
