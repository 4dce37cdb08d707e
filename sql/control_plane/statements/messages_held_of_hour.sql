-- What is held of one key and hour; what another relay sums up at the moment is left to it.
select id::text, type, payload
  from ops.outbox
 where destination = %(held)s and delivered_at is null and dead_at is null
   and aggregatetype = %(aggregatetype)s and aggregateid = %(aggregateid)s and headers ->> 'hour' = %(hour)s
 order by position
   for update skip locked
