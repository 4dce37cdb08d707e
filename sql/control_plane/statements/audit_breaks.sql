-- One row: one row of the audit log that does not fit its own content or the row before it, with the reason.
-- A hash that is null, where somebody took NOT NULL away, fits nothing.
with chain as (
  select seq, prev_hash, row_hash,
         lag(seq, 1, 0::bigint) over in_order as seq_before,
         lag(row_hash, 1, decode(repeat('00', 32), 'hex')) over in_order as hash_before,
         sha256(prev_hash || convert_to(jsonb_build_array('platformkit-audit-1', seq, (extract(epoch from created_at) * 1000000)::bigint,
           actor, action, object, detail, scan_id, run_id)::text, 'UTF8')) as recomputed
    from ops.audit_log
  window in_order as (order by seq)
)
select seq,
       case when coalesce(row_hash <> recomputed, true) then 'its content was changed'
            when seq <> seq_before + 1 then 'rows before it are missing (the last one present is ' || seq_before || ')'
            else 'it does not continue the row before it' end as why
  from chain
 where coalesce(row_hash <> recomputed, true) or seq <> seq_before + 1 or coalesce(prev_hash <> hash_before, true)
 order by seq
 limit %(limit)s
