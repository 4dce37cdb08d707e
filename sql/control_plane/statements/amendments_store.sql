-- One row: the amendment, new or as it is now. Announced ones are never stored again.
insert into ops.amendments (target_id, path, version, title, rules, approvals, accepted_on, deadline, content_digest, faults, announced_at, scan_id)
values (%(target_id)s, %(path)s, %(version)s, %(title)s, %(rules)s, %(approvals)s, %(accepted_on)s, %(deadline)s, %(content_digest)s, %(faults)s,
        %(announced_at)s, %(scan_id)s)
on conflict (target_id, path) do update
   set version = excluded.version, title = excluded.title, rules = excluded.rules, approvals = excluded.approvals, accepted_on = excluded.accepted_on,
       deadline = excluded.deadline, content_digest = excluded.content_digest, faults = excluded.faults, announced_at = excluded.announced_at,
       scan_id = excluded.scan_id
returning amendment_id
