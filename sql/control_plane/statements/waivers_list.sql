-- One row: one waiver, with the target that it is for.
select w.waiver_id::text, w.target_id, w.rule, w.fingerprint, w.object_pattern, w.reason, w.granted_by, w.starts_on, w.expires_on,
       w.extends::text, w.revoked_at, w.revoked_by, w.revoke_reason, w.created_at
  from ops.waivers w
 where (%(target_id)s::bigint is null or w.target_id = %(target_id)s) and (%(beginning)s::text is null or starts_with(w.waiver_id::text, %(beginning)s))
 order by w.expires_on, w.created_at, w.waiver_id
