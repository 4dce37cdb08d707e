-- One row in: one override; nothing when it is there already.
insert into ops.gate_overrides (override_id, target_id, gate, reason, requested_by, approved_by, starts_at, ends_at)
values (%(override_id)s, %(target_id)s, %(gate)s, %(reason)s, %(requested_by)s, %(approved_by)s, %(starts_at)s, %(ends_at)s)
    on conflict (override_id) do nothing
