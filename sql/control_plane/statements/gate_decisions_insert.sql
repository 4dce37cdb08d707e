-- One row in: one decision; nothing when the same was decided from the same before.
insert into ops.gate_decisions (decision_id, target_id, gate, parity_id, base_parity_id, scan_id, run_id, inputs, verdict, reasons, decided_at,
                                judged, override_id)
values (%(decision_id)s, %(target_id)s, %(gate)s, %(parity_id)s, %(base_parity_id)s, %(scan_id)s, %(run_id)s, %(inputs)s, %(verdict)s,
        %(reasons)s, %(decided_at)s, %(judged)s, %(override_id)s)
    on conflict (decision_id) do nothing
