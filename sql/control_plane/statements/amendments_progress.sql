-- One row: one active target that an announced amendment of the repository binds, with its latest complete scan after the day of the acceptance.
select a.amendment_id, a.path, a.version, a.rules, t.target_id, t.kind, t.name, t.environment, t.owners, m.due, m.done_at, m.how,
       s.scan_id::text, s.judged_rules
  from ops.amendments a
  join ops.amendment_targets m on m.amendment_id = a.amendment_id
  join ops.targets t on t.target_id = m.target_id and t.retired_at is null
  left join lateral (
    select s.scan_id, s.judged_rules from ops.scans s
     where m.done_at is null and s.target_id = t.target_id and s.status = 'complete' and s.started_at >= a.accepted_on + interval '1 day'
     order by s.started_at desc, s.scan_id limit 1
  ) s on true
 where a.target_id = %(target_id)s
 order by a.announced_at, a.path collate "C", t.kind, t.name collate "C"
