-- One row: whose scan it is, the digest its objects must have, and a later scan of the target that was inventoried (or judged by one of the rules).
select s.target_id, s.set_digest, inventoried.scan_id::text as later_inventory, judged.scan_id::text as later_judgement
  from ops.scans s
  left join lateral (
    select l.scan_id from ops.scans l
     where l.target_id = s.target_id and l.started_at > s.started_at and l.inventoried_at is not null
     order by l.started_at desc limit 1
  ) inventoried on true
  left join lateral (
    select l.scan_id from ops.scans l
     where l.target_id = s.target_id and l.started_at > s.started_at and l.judged_rules && %(rules)s::text[]
     order by l.started_at desc limit 1
  ) judged on true
 where s.scan_id = %(scan_id)s
