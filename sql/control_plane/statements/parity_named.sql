-- One row at most: the run of that id, else the last of that commit (on the default branch, if there is one), else, if the latest is wanted, the last of the default branch.
select p.parity_id::text
  from ops.parity_scores p
 where p.target_id = %(target_id)s and p.parity_id is distinct from %(but)s::uuid
   and (p.parity_id = %(parity_id)s::uuid or p.head_commit = %(commit)s or (%(latest)s and p.of_default_branch))
 order by (p.parity_id = %(parity_id)s::uuid) is true desc, p.of_default_branch desc, p.started_at desc, p.parity_id
 limit 1
