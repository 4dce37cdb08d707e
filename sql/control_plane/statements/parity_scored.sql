-- One row: one score of the target's default branch since the given time, but for the given run.
select p.parity_id::text, p.effective_score_exact
  from ops.parity_scores p
 where p.target_id = %(target_id)s and p.of_default_branch and p.parity_id <> %(parity_id)s
   and p.started_at between %(since)s and %(until)s and p.effective_score_exact is not null
