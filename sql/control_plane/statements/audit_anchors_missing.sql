-- One row: one anchor, by its position from 1, whose row is not in the chain with the hash that was noted.
select a.position::int
  from unnest(%(lengths)s::bigint[], %(hashes)s::text[]) with ordinality as a (length, head_hash, position)
  left join ops.audit_log l on l.seq = a.length
 where a.length > 0 and encode(l.row_hash, 'hex') is distinct from a.head_hash
 order by a.position
