-- Keys and hours of which something is held for a destination, in hours that ended.
select distinct aggregatetype, aggregateid, headers ->> 'hour'
  from ops.outbox
 where destination = %(held)s and delivered_at is null and dead_at is null and headers ->> 'hour' < %(before)s
 order by 3, 1, 2
