-- One row: length and last number of the chain, what the head says, whether both agree, and whether the anchor is in the chain.
select (select count(*) from ops.audit_log) as length,
       coalesce(last.seq, 0) as last_seq,
       h.seq as head_seq,
       encode(h.row_hash, 'hex') as head_hash,
       h.row_hash is not distinct from case when last.seq is null then decode(repeat('00', 32), 'hex') else last.row_hash end as head_matches,
       case when %(anchor)s::text is not null then
         decode(%(anchor)s, 'hex') = decode(repeat('00', 32), 'hex') or exists (select from ops.audit_log where row_hash = decode(%(anchor)s, 'hex'))
       end as anchor_found
  from ops.audit_head h
  left join lateral (select l.seq, l.row_hash from ops.audit_log l order by l.seq desc limit 1) last on true
