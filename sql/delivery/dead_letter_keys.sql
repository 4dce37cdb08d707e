select distinct aggregatetype, aggregateid
  from {schema}.dead_letters
 where replayed_at is null and (%(ids)s::uuid[] is null or id = any (%(ids)s))
