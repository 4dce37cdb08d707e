-- One row per destination: what was settled lately. An attempt that failed is counted when its event is settled.
select destination, count(delivered_at), avg(extract(epoch from delivered_at - created_at))::float8,
       sum(attempts)::bigint, (sum(attempts) + count(delivered_at))::bigint
  from {schema}.outbox
 where (delivered_at is not null or dead_at is not null)
   and coalesce(delivered_at, dead_at) > clock_timestamp() - %(seconds)s * interval '1 second'
 group by destination
