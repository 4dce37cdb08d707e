-- One row: one stored decision, oldest first; of one target, of one name, and since a time, where they are given.
select d.decision_id::text, d.gate, t.kind, t.name, t.environment, t.owners, d.parity_id::text, d.scan_id::text, d.inputs, d.verdict, d.judged,
       d.reasons, d.decided_at
  from ops.gate_decisions d
  join ops.targets t using (target_id)
 where (%(target)s::text is null or t.name = %(target)s)
   and (%(since)s::timestamptz is null or d.decided_at >= %(since)s)
 order by d.decided_at, d.decision_id
