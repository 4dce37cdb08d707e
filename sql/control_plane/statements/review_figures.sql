-- One row: the figures of the time from %(since)s (included) to %(now)s (not included), as one JSON document; %(today)s is the UTC day of now.
-- What is counted of the audit log is counted by the clock of the database, which alone dates its rows.
with bounds as (select %(since)s::timestamptz as since, %(now)s::timestamptz as until, %(today)s::date as today),
active as (select t.* from ops.targets t where t.retired_at is null and t.kind <> 'control_plane'),
scored as (
  select s.target_id, s.started_at, s.raw_score, s.effective_score,
         row_number() over (partition by s.target_id order by s.started_at, s.scan_id) as from_first,
         row_number() over (partition by s.target_id order by s.started_at desc, s.scan_id) as from_last
    from ops.scans s, bounds b where s.status = 'complete' and s.started_at >= b.since and s.started_at < b.until
),
ends as (
  select t.kind, t.name, trunc(first.raw_score, 1) as first_raw, trunc(last.raw_score, 1) as last_raw,
         trunc(last.effective_score, 1) as last_effective
    from active t
    left join scored first on first.target_id = t.target_id and first.from_first = 1
    left join scored last on last.target_id = t.target_id and last.from_last = 1
),
lives as (
  select f.*, f.first_seen_at >= b.since and f.first_seen_at < b.until as opened, f.resolved_at >= b.since and f.resolved_at < b.until as resolved,
         -- what is not observed any more is not open either
         t.retired_at is null and f.first_seen_at < b.until and (f.resolved_at is null or f.resolved_at >= b.until) as open
    from ops.findings f join ops.targets t on t.target_id = f.target_id, bounds b
),
told as (select a.* from ops.alerts a, bounds b where a.raised_at >= b.since and a.raised_at < b.until)
select json_build_object(
  'targets', (select coalesce(json_object_agg(kind, n), '{}') from (select kind, count(*) as n from active group by kind order by kind) k),
  'scans', (select count(*) from scored),
  'scores', (select json_build_object(
      'mean_first', trunc(avg(first_raw), 1), 'mean_last', trunc(avg(last_raw), 1), 'mean_last_effective', trunc(avg(last_effective), 1)) from ends),
  'targets_by_score', (select coalesce(json_agg(json_build_object(
      'kind', kind, 'name', name, 'first', first_raw, 'last', last_raw, 'last_effective', last_effective)
      order by last_raw nulls first, kind, name collate "C"), '[]') from ends),
  'findings', (select json_build_object('opened', count(*) filter (where opened), 'resolved', count(*) filter (where resolved),
      'open', count(*) filter (where open),
      'open_critical', count(*) filter (where open and severity = 'critical'), 'open_high', count(*) filter (where open and severity = 'high')) from lives),
  'top_rules', (select coalesce(json_agg(json_build_object('rule', rule, 'opened', opened, 'open', open) order by opened desc, rule), '[]')
      from (select rule, count(*) filter (where opened) as opened, count(*) filter (where open) as open
              from lives group by rule having count(*) filter (where opened) > 0 order by 2 desc, 1 limit 10) r),
  'waivers', (select json_build_object(
      'granted', count(*) filter (where w.starts_on >= b.since::date and w.starts_on < b.today),
      'revoked', count(*) filter (where w.revoked_at >= b.since and w.revoked_at < b.until),
      'lapsed', count(*) filter (where w.revoked_at is null and w.expires_on >= b.since::date and w.expires_on < b.today),
      'in_force', count(*) filter (where w.revoked_at is null and b.today between w.starts_on and w.expires_on)) from ops.waivers w, bounds b),
  'exceptions', (select coalesce(json_agg(json_build_object('repository', t.name, 'path', e.path, 'rules', e.rules, 'expires_on', e.expires_on)
      order by e.expires_on, t.name collate "C", e.path collate "C"), '[]')
      from ops.exceptions e join ops.targets t on t.target_id = e.target_id, bounds b
     where e.removed_at is null and cardinality(e.faults) = 0 and e.expires_on >= b.today
       and greatest(e.security_approved_on, e.architect_approved_on) <= b.today),
  'exceptions_lapsed', (select count(*) from ops.exceptions e, bounds b
     where cardinality(e.faults) = 0 and e.expires_on >= b.since::date and e.expires_on < b.today
       and (e.removed_at is null or e.removed_at >= e.expires_on + 1)),
  'alerts', (select coalesce(json_object_agg(kind, n), '{}') from (select kind, count(*) as n from told group by kind order by kind) k),
  'alerts_open', (select count(*) from ops.alerts a, bounds b where a.raised_at < b.until and (a.settled_at is null or a.settled_at >= b.until)),
  'incidents', (select count(*) from told where kind in ('run.failed', 'scan.failed', 'target.stale', 'audit.broken')),
  'gates', (select coalesce(json_object_agg(gate || '/' || verdict, n), '{}')
      from (select gate, verdict, count(*) as n from ops.gate_decisions d, bounds b
             where d.decided_at >= b.since and d.decided_at < b.until group by gate, verdict order by gate, verdict) g),
  'gates_overridden', (select count(*) from told where kind = 'gate.overridden'),
  'amendments_announced', (select coalesce(json_agg(json_build_object('version', a.version, 'title', a.title, 'deadline', a.deadline)
      order by a.announced_at, a.version), '[]') from ops.amendments a, bounds b where a.announced_at >= b.since and a.announced_at < b.until),
  'amendments_outstanding', (select json_build_object(
      'targets', count(distinct m.target_id), 'overdue', count(distinct m.target_id) filter (where m.due < b.today))
      from ops.amendment_targets m join active t on t.target_id = m.target_id, bounds b where m.done_at is null),
  'remediation', (select coalesce(json_object_agg(action, n), '{}')
      from (select action, count(*) as n from ops.audit_log l, bounds b
             where l.created_at >= b.since and l.created_at < b.until and l.action like 'remediation.appl%%' group by action order by action) r),
  'first_scanned', (select count(*) from active t, bounds b where
      (select min(s.started_at) from ops.scans s where s.target_id = t.target_id) >= b.since))
