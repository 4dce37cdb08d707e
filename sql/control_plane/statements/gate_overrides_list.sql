-- One row: one override of a target, latest first.
select override_id::text, gate, reason, requested_by, approved_by, starts_at, ends_at, ended_at, ended_by
  from ops.gate_overrides
 where target_id = %(target_id)s
 order by starts_at desc, override_id
