update {schema}.outbox set delivered_at = clock_timestamp()
 where id = any (%(ids)s::uuid[]) and destination = %(destination)s and delivered_at is null
