-- The first waiting event of each key behind the cursor, at most so many keys: one step of the index per key, however many
-- events wait behind its head (a loose index scan, which PostgreSQL does not plan by itself).
with recursive head as (
  (select o.aggregatetype, o.aggregateid, o.id, o.position, o.due_at, 1 as step
     from {schema}.outbox o
    where o.destination = %(destination)s and o.delivered_at is null and o.dead_at is null
      and (o.aggregatetype, o.aggregateid) > (%(after_type)s, %(after_id)s)
    order by o.aggregatetype, o.aggregateid, o.position limit 1)
  union all
  select n.*, h.step + 1
    from head h
   cross join lateral (
     select o.aggregatetype, o.aggregateid, o.id, o.position, o.due_at
       from {schema}.outbox o
      where o.destination = %(destination)s and o.delivered_at is null and o.dead_at is null
        and (o.aggregatetype, o.aggregateid) > (h.aggregatetype, h.aggregateid)
      order by o.aggregatetype, o.aggregateid, o.position limit 1) n
   where h.step < %(keys)s
)
select aggregatetype, aggregateid, id, position, due_at <= clock_timestamp() from head
