insert into {schema}.inbox (consumer, id, aggregatetype, aggregateid, type)
values (%(consumer)s, %(id)s, %(aggregatetype)s, %(aggregateid)s, %(type)s)
    on conflict (consumer, id) do nothing
