-- The events of the keys that are held, from their heads on, at most so many of each.
select e.id, e.aggregatetype, e.aggregateid, e.type, e.payload, e.headers, e.created_at, e.attempts
  from unnest(%(aggregatetypes)s::text[], %(aggregateids)s::text[], %(positions)s::bigint[]) as held (aggregatetype, aggregateid, position)
 cross join lateral (
   select o.* from {schema}.outbox o
    where o.destination = %(destination)s and o.delivered_at is null and o.dead_at is null
      and o.aggregatetype = held.aggregatetype and o.aggregateid = held.aggregateid and o.position >= held.position
    order by o.position limit %(share)s) e
 order by e.position
