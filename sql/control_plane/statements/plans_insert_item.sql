-- One row in: one patch or manual item; finding_id is the open finding that it mends, where that was stored.
insert into ops.remediation_patches (plan_id, position, kind, target_id, scan_id, run_id, finding_id, finding_fingerprint, rule, object_kind, object_schema,
                                     object_name, object_detail, title, up, down, transactional, proof, notes, reason, steps, digest, effects)
select %(plan_id)s, %(position)s, %(kind)s, s.target_id, s.scan_id, s.run_id,
       (select f.finding_id from ops.findings f
         where f.target_id = s.target_id and f.fingerprint = %(finding_fingerprint)s and f.resolved_scan is null),
       %(finding_fingerprint)s, %(rule)s, %(object_kind)s, %(object_schema)s, %(object_name)s, %(object_detail)s::json,
       %(title)s, %(up)s::text[], %(down)s::text[], %(transactional)s, %(proof)s, %(notes)s::text[], %(reason)s, %(steps)s::text[], %(digest)s, %(effects)s::json
  from ops.scans s
 where s.scan_id = %(scan_id)s
