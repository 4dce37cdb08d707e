-- Every active target of the kinds, the last day of each.
insert into ops.amendment_targets (amendment_id, target_id, due)
select %(amendment_id)s, t.target_id, %(due)s from ops.targets t where t.retired_at is null and t.kind = any (%(kinds)s)
on conflict (amendment_id, target_id) do nothing
