-- One row: one row of a table of decisions that is not what the audit log last said of it. Columns that were added since do not count.
-- Rows that are gone are excused as far as the log tells of deletions: all that it knew before the last TRUNCATE, and of the others as many
-- as were deleted since; where more are gone, each of them is named. Columns are compared one by one, and whole: for `@>` an array may
-- hold more. Calls no function that is stored in the database: somebody may have changed it.
with told as (
  select distinct on ({told_key}) {told_key} as key, l.seq, l.detail -> 'new' as content, l.detail ->> 'content_digest' as digest
    from ops.audit_log l
   where l.object = {object} and l.detail ? 'new'
   order by {told_key}, l.seq desc
), stored as (
  select {stored_key} as key, to_jsonb(t) as content,
         encode(sha256(convert_to((select jsonb_object_agg(name, to_jsonb(t) -> name) from unnest({digested}::text[]) as name)::text, 'UTF8')), 'hex') as digest
    from {table} t
), emptied as (
  select coalesce(max(l.seq), 0) as seq from ops.audit_log l where l.object = {object} and l.action = 'truncate'
), deleted as (
  select coalesce(sum(case when jsonb_typeof(l.detail -> 'rows') = 'number' then (l.detail ->> 'rows')::numeric end), 0) as most
    from ops.audit_log l, emptied where l.object = {object} and l.action = 'delete' and l.seq > emptied.seq
), gone as (
  select told.key from told cross join emptied where told.seq > emptied.seq and not exists (select from stored where stored.key = told.key)
)
select key,
       case when told.content is null then 'the audit log does not know of it'
            when stored.content is null and deleted.most = 0 then 'it is gone, and the audit log tells of no deletion'
            when stored.content is null then 'it is gone, and the audit log tells of fewer deletions than rows are gone'
            else 'it is not what the audit log says' end
  from stored full join told using (key) cross join deleted
 where told.content is null
    or (stored.content is null and key in (select gone.key from gone) and (select count(*) from gone) > deleted.most)
    or stored.content is not null and exists (select from jsonb_each(told.content) as said where stored.content -> said.key is distinct from said.value)
    or told.digest <> stored.digest
 order by key
 limit 21
