-- One row out: one exception document of a repository (target_id), of every repository (no id), or for one target (covered_id), then
-- without those that were removed and those whose repository left the settings.
select e.exception_id, e.target_id, e.path, e.content_digest, e.approved_digest, e.approved_days, e.title, e.rules, e.objects,
       e.target_names, e.covers_target_ids, e.rationale, e.risk, e.mitigation, e.documented_on, e.expires_on, e.security_owner,
       e.security_approved_on, e.architect, e.architect_approved_on, e.faults, e.commit, e.scan_id::text, e.removed_at
  from ops.exceptions e
  join ops.targets t on t.target_id = e.target_id
 where (%(target_id)s::bigint is null or e.target_id = %(target_id)s)
   and (%(covered_id)s::bigint is null
        or (e.covers_target_ids @> array[%(covered_id)s::bigint] and e.removed_at is null and t.retired_at is null))
 order by e.target_id, e.path collate "C"
