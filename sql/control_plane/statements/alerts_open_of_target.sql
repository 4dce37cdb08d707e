-- What is open of one kind about one target, with what was told.
select subject, severity, headline, payload
  from ops.alerts
 where settled_at is null and kind = %(kind)s and coalesce(target_id, 0) = coalesce(%(target_id)s::bigint, 0)
 order by alert_id
