-- Heads that are free: the lock on the head is the lock on its key. One that was settled, postponed or replayed (which gives it
-- another position) since it was seen is not taken: its key may have another head by now.
select o.aggregatetype, o.aggregateid, o.position
  from {schema}.outbox o
  join unnest(%(ids)s::uuid[], %(positions)s::bigint[]) as seen (id, position) on seen.id = o.id and seen.position = o.position
 where o.destination = %(destination)s and o.delivered_at is null and o.dead_at is null and o.due_at <= clock_timestamp()
   for update of o skip locked
