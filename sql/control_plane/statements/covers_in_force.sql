-- One row: a waiver or an exception that covers something of an active target on the day `today`, with all that decides what it covers.
select t.kind, t.name, concat_ws('|', 'waiver', w.waiver_id, w.rule, w.fingerprint, w.object_pattern) as cover
  from ops.waivers w
  join ops.targets t on t.target_id = w.target_id
 where t.retired_at is null and t.environment <> 'production' and w.revoked_at is null and %(today)s between w.starts_on and w.expires_on
union all
select t.kind, t.name,
       concat_ws('|', 'exception', e.path, array_to_string(e.rules, ','), array_to_string(e.objects, ','), array_to_string(e.target_names, ','))
  from ops.exceptions e
  join ops.targets t on t.target_id = e.target_id
 where t.retired_at is null and e.removed_at is null and cardinality(e.faults) = 0
   and %(today)s between greatest(e.security_approved_on, e.architect_approved_on) and e.expires_on
 order by 1, 2, 3
