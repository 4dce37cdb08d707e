-- A new life of an alert, unless one is open; what does not last has one life in all. One lock for all subjects of a kind and target: one
-- for each would overflow the server's lock table when a scan finds ten thousand criticals.
with serialised as materialized (
  select pg_catalog.pg_advisory_xact_lock(
    pg_catalog.hashtextextended('platformkit.alert ' || %(kind)s || ' ' || coalesce(%(target_id)s::bigint, 0)::text, 0))
), before as (
  select coalesce(max(a.occurrence), 0) as lives, coalesce(bool_or(a.alert_id is not null and a.settled_at is null), false) as open
    from serialised left join ops.alerts a
      on a.kind = %(kind)s and coalesce(a.target_id, 0) = coalesce(%(target_id)s::bigint, 0) and a.subject = %(subject)s
)
insert into ops.alerts (kind, target_id, subject, occurrence, severity, headline, payload, raised_at, settled_at, scan_id, run_id)
select %(kind)s, %(target_id)s, %(subject)s, before.lives + 1, %(severity)s, %(headline)s, %(payload)s::json, %(now)s,
       case when not %(lasting)s then %(now)s::timestamptz end, %(scan_id)s, %(run_id)s
  from before
 where not before.open and (%(lasting)s or before.lives = 0)
returning alert_id, kind, target_id, subject, occurrence, raised_at, settled_at
