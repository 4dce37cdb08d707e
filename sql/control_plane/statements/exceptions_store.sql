-- One row in: one exception document that is new, changed, or found again.
insert into ops.exceptions (target_id, path, content_digest, approved_digest, approved_days, title, rules, objects, target_names,
                            covers_target_ids, rationale, risk, mitigation, documented_on, expires_on, security_owner,
                            security_approved_on, architect, architect_approved_on, faults, commit, scan_id, run_id)
values (%(target_id)s, %(path)s, %(content_digest)s, %(approved_digest)s, %(approved_days)s, %(title)s, %(rules)s, %(objects)s,
        %(target_names)s, %(covers_target_ids)s, %(rationale)s, %(risk)s, %(mitigation)s, %(documented_on)s, %(expires_on)s,
        %(security_owner)s, %(security_approved_on)s, %(architect)s, %(architect_approved_on)s, %(faults)s, %(commit)s, %(scan_id)s,
        %(run_id)s)
    on conflict (target_id, path) do update
   set content_digest = excluded.content_digest, approved_digest = excluded.approved_digest, approved_days = excluded.approved_days,
       title = excluded.title, rules = excluded.rules, objects = excluded.objects, target_names = excluded.target_names,
       covers_target_ids = excluded.covers_target_ids, rationale = excluded.rationale, risk = excluded.risk,
       mitigation = excluded.mitigation, documented_on = excluded.documented_on, expires_on = excluded.expires_on,
       security_owner = excluded.security_owner, security_approved_on = excluded.security_approved_on, architect = excluded.architect,
       architect_approved_on = excluded.architect_approved_on, faults = excluded.faults, commit = excluded.commit,
       scan_id = excluded.scan_id, run_id = excluded.run_id, removed_at = null
