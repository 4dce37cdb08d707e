-- Events that are given up leave the queue and become dead letters; one that was replayed and died again is open again.
with dead as (
  update {schema}.outbox o set dead_at = clock_timestamp(), attempts = o.attempts + 1
    from unnest(%(ids)s::uuid[], %(reasons)s::text[]) as d (id, reason)
   where o.id = d.id and o.destination = %(destination)s
  returning o.*, d.reason
)
insert into {schema}.dead_letters (id, destination, position, aggregatetype, aggregateid, type, payload, headers, attempts, reason, published_at, died_at)
select id, destination, position, aggregatetype, aggregateid, type, payload, headers, attempts, reason, created_at, dead_at from dead order by position
    on conflict (id, destination) do update
       set position = excluded.position, attempts = excluded.attempts, reason = excluded.reason, died_at = excluded.died_at, replayed_at = null
