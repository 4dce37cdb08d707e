-- Writers of one key commit one after the other, so that positions of a key are in the order of commits. Keys share 1024 locks:
-- one lock a key would overflow the server's lock table when many are written at once. Sorted: two writers never wait for each other.
select pg_advisory_xact_lock(hashtext('platformkit.delivery.' || %(schema)s), slot)
  from (select distinct (hashtextextended(k.aggregatetype || e'\x1f' || k.aggregateid, 0) & 1023)::int as slot
          from unnest(%(aggregatetypes)s::text[], %(aggregateids)s::text[]) as k (aggregatetype, aggregateid)
         order by slot offset 0) as slots
