-- One row: the target of that kind and name, retired or not.
select target_id, kind, name, environment, owners, retired_at
  from ops.targets
 where kind = %(kind)s and name = %(name)s
