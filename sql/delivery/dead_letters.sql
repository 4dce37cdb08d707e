-- Open dead letters, the oldest first.
select id, destination, aggregatetype, aggregateid, type, payload, headers, attempts, reason, published_at, died_at
  from {schema}.dead_letters
 where replayed_at is null
 order by died_at, destination, id
 limit %(most)s
