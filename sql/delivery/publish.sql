-- An event that stands there already, delivered or not, is left alone.
insert into {schema}.outbox (id, destination, aggregatetype, aggregateid, type, payload, headers)
select e.id, %(destination)s, e.aggregatetype, e.aggregateid, e.type, e.payload::jsonb, e.headers::jsonb
  from unnest(%(ids)s::uuid[], %(aggregatetypes)s::text[], %(aggregateids)s::text[], %(types)s::text[], %(payloads)s::text[], %(headers)s::text[])
         with ordinality as e (id, aggregatetype, aggregateid, type, payload, headers, place)
 order by e.place
    on conflict (id, destination) do nothing
