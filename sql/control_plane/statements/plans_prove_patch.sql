-- One row in: the proof of one patch; its digest tells that it is still the one that was tried.
update ops.remediation_patches
   set proof = %(proof)s, proof_detail = %(proof_detail)s::json, reversible = %(reversible)s, proven_at = %(proven_at)s, proof_run = %(run_id)s
 where plan_id = %(plan_id)s and position = %(position)s and digest = %(digest)s
