-- One row: one amendment of the repository as it is recorded, by path.
select amendment_id, path, version, title, rules, accepted_on, deadline, content_digest, faults, announced_at
  from ops.amendments
 where target_id = %(target_id)s
 order by path collate "C"
