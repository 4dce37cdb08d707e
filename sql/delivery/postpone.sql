update {schema}.outbox o set attempts = o.attempts + 1, due_at = clock_timestamp() + p.delay * interval '1 second'
  from unnest(%(ids)s::uuid[], %(delays)s::float8[]) as p (id, delay)
 where o.id = p.id and o.destination = %(destination)s
