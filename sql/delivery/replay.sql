-- Back into the outbox, at the end of its key: a new position keeps "the head is the first" true while a relay holds the key.
with replayed as (
  update {schema}.dead_letters set replayed_at = clock_timestamp()
   where replayed_at is null and (%(ids)s::uuid[] is null or id = any (%(ids)s))
  returning id, destination, position, aggregatetype, aggregateid, type, payload, headers, published_at
)
insert into {schema}.outbox (id, destination, aggregatetype, aggregateid, type, payload, headers, created_at)
select id, destination, aggregatetype, aggregateid, type, payload, headers, published_at from replayed order by position
    on conflict (id, destination) do update
       set position = excluded.position, attempts = 0, due_at = clock_timestamp(), dead_at = null
     where {schema}.outbox.dead_at is not null
