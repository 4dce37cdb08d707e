-- One row in: one object that is new or differs from what is stored. One row out: that change, with the payload before and after.
insert into ops.inventory_history (target_id, scan_id, run_id, kind, identity, change, content_hash, payload_before, payload_after)
select s.target_id, s.scan_id, s.run_id, staged.kind, staged.identity,
       case when present.identity is null then 'added' else 'changed' end,
       staged.content_hash, present.payload, staged.payload
  from pg_temp.staged_inventory staged
 cross join (select target_id, scan_id, run_id from ops.scans where scan_id = %(scan_id)s) s
  left join ops.inventory_objects present
    on present.target_id = %(target_id)s and present.kind = staged.kind and present.identity = staged.identity and present.removed_scan is null
