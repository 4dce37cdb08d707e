-- One row in: one object that is new, changed or back after its removal. Unchanged objects never get here: ON CONFLICT would lock
-- and so rewrite them even where its condition is false.
insert into ops.inventory_objects as stored (target_id, kind, identity, content_hash, payload, first_seen_scan, changed_scan, run_id)
select s.target_id, staged.kind, staged.identity, staged.content_hash, staged.payload, s.scan_id, s.scan_id, s.run_id
  from pg_temp.staged_inventory staged
 cross join (select target_id, scan_id, run_id from ops.scans where scan_id = %(scan_id)s) s
    on conflict (target_id, kind, identity) do update
   set content_hash = excluded.content_hash, payload = excluded.payload, changed_scan = excluded.changed_scan, removed_scan = null, run_id = excluded.run_id
