-- One row: what waits. Due is what could be delivered now: not an event that is postponed, nor one behind such a one of its key.
with pending as (
  select o.aggregatetype, o.aggregateid, o.destination, o.created_at,
         max(o.due_at) over (partition by o.destination, o.aggregatetype, o.aggregateid order by o.position) as due_at
    from {schema}.outbox o
   where o.delivered_at is null and o.dead_at is null and (%(destination)s::text is null or o.destination = %(destination)s)
)
select count(*), count(*) filter (where due_at <= clock_timestamp()),
       greatest(coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0), 0)::float8,
       (select count(*) from {schema}.dead_letters d
         where d.replayed_at is null and (%(destination)s::text is null or d.destination = %(destination)s))
  from pending
