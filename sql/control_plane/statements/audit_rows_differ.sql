-- One row: one row of a table of decisions that is not what the audit log last said of it. Columns that were added since do not count.
-- Calls no function that is stored in the database: somebody may have changed it.
with told as (
  select distinct on ({told_key}) {told_key} as key, l.detail -> 'new' as content, l.detail ->> 'content_digest' as digest
    from ops.audit_log l
   where l.object = {object} and l.detail ? 'new'
   order by {told_key}, l.seq desc
), stored as (
  select {stored_key} as key, to_jsonb(t) as content,
         encode(sha256(convert_to((select jsonb_object_agg(name, to_jsonb(t) -> name) from unnest({digested}::text[]) as name)::text, 'UTF8')), 'hex') as digest
    from {table} t
)
select key,
       case when told.content is null then 'the audit log does not know of it'
            when stored.content is null then 'it is gone, and the audit log tells of no deletion'
            else 'it is not what the audit log says' end
  from stored full join told using (key)
 where told.content is null
    or (stored.content is null and not exists (select from ops.audit_log l where l.object = {object} and l.action in ('delete', 'truncate')))
    or not stored.content @> told.content
    or told.digest <> stored.digest
 order by key
 limit 21
