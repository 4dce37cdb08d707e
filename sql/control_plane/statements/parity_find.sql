-- One row: the run of that id, with its target.
select p.parity_id::text, p.target_id, t.kind, t.name, t.environment, t.owners, p.scan_id::text, p.run_id, p.started_at, p.duration_seconds,
       p.head_commit, p.head_branch, p.of_default_branch, p.contracts_digest, p.declared, p.weights
  from ops.parity_scores p
  join ops.targets t using (target_id)
 where p.parity_id = %(parity_id)s
