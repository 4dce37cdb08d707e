-- One row: one target that is not what the audit log last said of it, or is gone though the log tells of fewer deletions.
with told as (
  select distinct on (l.object) l.object as key, l.seq, l.action, l.detail
    from ops.audit_log l
   where l.action in ('target.added', 'target.changed', 'target.retired')
   order by l.object, l.seq desc
), stored as (
  select t.kind || '/' || t.name as key, jsonb_build_object('environment', t.environment, 'owners', to_jsonb(t.owners)) as content,
         t.retired_at is not null as retired
    from ops.targets t
), emptied as (
  select coalesce(max(l.seq), 0) as seq from ops.audit_log l where l.object = 'ops.targets' and l.action = 'truncate'
), deleted as (
  select coalesce(sum(case when jsonb_typeof(l.detail -> 'rows') = 'number' then (l.detail ->> 'rows')::numeric end), 0) as most
    from ops.audit_log l, emptied where l.object = 'ops.targets' and l.action = 'delete' and l.seq > emptied.seq
), gone as (
  select told.key from told cross join emptied where told.seq > emptied.seq and not exists (select from stored where stored.key = told.key)
)
select key, case when stored.content is null then 'it is gone, and the audit log tells of fewer deletions than rows are gone'
                 else 'it is not what the audit log says' end
  from stored full join told using (key) cross join deleted
 where (stored.content is not null
        and (told.action is null or told.detail is distinct from stored.content or (told.action = 'target.retired') <> stored.retired))
    or (stored.content is null and key in (select gone.key from gone) and (select count(*) from gone) > deleted.most)
 order by key
 limit 21
