-- One row: one rule that a waiver of the target, or an exception that is for it, covers from first to last day. %(repository)s is the name of the
-- repository that the target is or has its migrations in.
select 'waiver' as kind, w.waiver_id::text as cover_id, w.rule, w.fingerprint, array_remove(array[w.object_pattern], null) as patterns,
       w.starts_on as first_day, least(w.expires_on, (w.revoked_at at time zone 'UTC')::date - 1) as last_day, w.reason
  from ops.waivers w join ops.targets t on t.target_id = w.target_id
 where w.target_id = %(target_id)s and t.environment <> 'production'
union all
select 'exception', e.path, r.rule, null, case when cardinality(e.objects) = 0 then array['*'] else e.objects end,
       greatest(e.security_approved_on, e.architect_approved_on), e.expires_on, e.title
  from ops.exceptions e
  join ops.targets d on d.target_id = e.target_id
  cross join lateral unnest(e.rules) as r (rule)
 where cardinality(e.faults) = 0 and e.removed_at is null
   and (%(name)s = any (e.target_names) or (cardinality(e.target_names) = 0 and d.name = %(repository)s))
