-- One row in: the verdict of one scan; nothing when that verdict is stored.
update ops.scans
   set status = 'complete', completed_at = now(), ruleset_digest = %(ruleset_digest)s, raw_score = %(raw_score)s, effective_score = %(effective_score)s,
       raw_score_exact = %(raw_score_exact)s, effective_score_exact = %(effective_score_exact)s, counts = %(counts)s::jsonb
 where scan_id = %(scan_id)s
   and (ruleset_digest, raw_score_exact, effective_score_exact, counts)
       is distinct from (%(ruleset_digest)s, %(raw_score_exact)s, %(effective_score_exact)s, %(counts)s::jsonb)
