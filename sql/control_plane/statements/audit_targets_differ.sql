-- One row: one target that is not what the audit log last said of it.
with told as (
  select distinct on (l.object) l.object as key, l.action, l.detail
    from ops.audit_log l
   where l.action in ('target.added', 'target.changed', 'target.retired')
   order by l.object, l.seq desc
)
select t.kind || '/' || t.name, 'it is not what the audit log says'
  from ops.targets t
  left join told on told.key = t.kind || '/' || t.name
 where told.key is null
    or told.detail is distinct from jsonb_build_object('environment', t.environment, 'owners', to_jsonb(t.owners))
    or (told.action = 'target.retired') <> (t.retired_at is not null)
 order by 1
 limit 21
