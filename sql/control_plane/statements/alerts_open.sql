select alert_id, kind, target_id, subject, occurrence, raised_at, settled_at
  from ops.alerts
 where settled_at is null and kind = any (%(kinds)s)
 order by alert_id
