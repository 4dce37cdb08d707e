-- One row: one target, retired or not.
select target_id, kind, name, environment, owners, retired_at
  from ops.targets
 order by kind collate "C", name collate "C"
