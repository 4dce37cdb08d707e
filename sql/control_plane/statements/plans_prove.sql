-- One row in: the proof of one plan.
update ops.remediation_plans
   set proof = %(proof)s, proof_detail = %(proof_detail)s::json, score_before = %(score_before)s, score_after = %(score_after)s, proven_at = %(proven_at)s
 where plan_id = %(plan_id)s
