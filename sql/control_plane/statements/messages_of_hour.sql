-- Whether an event was handed out to a destination before, and how many of its key were within the hour.
select exists (select from ops.outbox where id = %(id)s and destination in (%(destination)s, %(held)s)),
       (select count(*) from ops.outbox
         where destination = %(destination)s and aggregatetype = %(aggregatetype)s and aggregateid = %(aggregateid)s
           and headers ? 'hour' and headers ->> 'hour' = %(hour)s)
