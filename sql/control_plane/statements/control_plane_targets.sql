-- One row: one active target but the control plane itself, with the start of its last complete scan.
select t.kind, t.name, t.created_at,
       (select s.started_at from ops.scans s
         where s.target_id = t.target_id and s.status = 'complete'
         order by s.started_at desc limit 1)
  from ops.targets t
 where t.retired_at is null and t.kind <> 'control_plane'
 order by t.kind collate "C", t.name collate "C"
