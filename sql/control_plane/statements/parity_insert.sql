-- One row in: one run of the contracts of a target; nothing when its id is known.
insert into ops.parity_scores (parity_id, target_id, scan_id, run_id, started_at, duration_seconds, head_commit, head_branch, of_default_branch,
                               contracts_digest, declared, weights, dimensions, raw_score, effective_score, raw_score_exact,
                               effective_score_exact, reason)
values (%(parity_id)s, %(target_id)s, %(scan_id)s, %(run_id)s, %(started_at)s, %(duration_seconds)s, %(commit)s, %(branch)s,
        %(of_default_branch)s, %(contracts_digest)s, %(declared)s, %(weights)s, %(dimensions)s, %(raw_score)s, %(effective_score)s,
        %(raw_score_exact)s, %(effective_score_exact)s, %(reason)s)
    on conflict (parity_id) do nothing
