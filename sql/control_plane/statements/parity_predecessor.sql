-- One row at most: the run of the target's default branch that started last before the given one.
select p.parity_id::text
  from ops.parity_scores p
 where p.target_id = %(target_id)s and p.of_default_branch and p.parity_id <> %(parity_id)s and p.started_at <= %(started_at)s
 order by p.started_at desc, p.parity_id
 limit 1
