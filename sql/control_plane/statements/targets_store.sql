-- One row in: one target that is new, changed, or listed again.
insert into ops.targets (kind, name, environment, owners)
values (%(kind)s, %(name)s, %(environment)s, %(owners)s)
    on conflict (kind, name) do update
   set environment = excluded.environment, owners = excluded.owners, retired_at = null
