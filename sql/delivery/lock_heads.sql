-- Heads that are free: the lock on the head is the lock on its key. One that was settled, postponed or replayed (which gives it
-- another position) since it was seen is not taken: its key may have another head by now.
-- coalesce, so that without statistics the planner does not walk all that waits (outbox_pending) instead of looking up the ids.
select o.aggregatetype, o.aggregateid, o.position
  from {schema}.outbox o
 where o.id = any (%(ids)s::uuid[]) and o.position = any (%(positions)s::bigint[])
   and o.destination = %(destination)s and coalesce(o.delivered_at, o.dead_at) is null and o.due_at <= clock_timestamp()
   for update of o skip locked
