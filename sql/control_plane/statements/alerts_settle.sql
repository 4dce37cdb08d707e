update ops.alerts
   set settled_at = greatest(raised_at, %(now)s)
 where kind = %(kind)s and coalesce(target_id, 0) = coalesce(%(target_id)s::bigint, 0) and subject = %(subject)s and settled_at is null
returning alert_id, kind, target_id, subject, occurrence, raised_at, settled_at
