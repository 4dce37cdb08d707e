-- One row: an active project whose latest complete scan left failures that no stored plan mends, or whose plan has patches that nobody
-- tried. Those first that waited longest.
select t.name, s.scan_id::text
  from ops.targets t
  cross join lateral (
    select l.scan_id, l.started_at, l.catalog_fingerprint
      from ops.scans l
     where l.target_id = t.target_id and l.status = 'complete'
     order by l.started_at desc, l.scan_id
     limit 1
  ) s
  left join lateral (
    select l.plan_id, l.base_fingerprint
      from ops.remediation_plans l
     where l.target_id = t.target_id
     order by l.confirmed_at desc, l.created_at desc, l.plan_id
     limit 1
  ) p on true
 where t.kind = 'supabase_project' and t.retired_at is null
   and exists (
     select
       from ops.findings f
      where f.target_id = t.target_id and f.resolved_scan is null and f.outcome = 'FAIL'
        and (
          p.plan_id is null or p.base_fingerprint <> s.catalog_fingerprint
          or not exists (select from ops.remediation_patches i where i.plan_id = p.plan_id and i.finding_fingerprint = f.fingerprint)
          or exists (select from ops.remediation_patches i where i.plan_id = p.plan_id and i.kind = 'sql' and i.proof = 'unproven')
        )
   )
 order by s.started_at, t.name collate "C"
