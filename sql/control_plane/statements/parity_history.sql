-- One row: one run of the target, latest first.
select p.parity_id::text, p.started_at, p.head_commit, p.head_branch, p.of_default_branch, p.raw_score_exact, p.effective_score_exact,
       p.dimensions
  from ops.parity_scores p
 where p.target_id = %(target_id)s and (p.of_default_branch or not %(default_branch_only)s)
 order by p.started_at desc, p.parity_id
 limit %(limit)s
