-- One row in: one object that is no longer there. Its row stays, marked; one row of history keeps its last payload.
with scan as (
  select target_id, scan_id, run_id from ops.scans where scan_id = %(scan_id)s
), gone as (
  update ops.inventory_objects stored
     set removed_scan = scan.scan_id, changed_scan = scan.scan_id, run_id = scan.run_id
    from scan, unnest(%(kinds)s::text[], %(identities)s::text[]) as missing (kind, identity)
   where stored.target_id = %(target_id)s and stored.kind = missing.kind and stored.identity = missing.identity
  returning stored.kind, stored.identity, stored.payload
)
insert into ops.inventory_history (target_id, scan_id, run_id, kind, identity, change, payload_before)
select scan.target_id, scan.scan_id, scan.run_id, gone.kind, gone.identity, 'removed', gone.payload
  from gone cross join scan
