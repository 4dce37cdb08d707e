-- One row: a function of one schema that the role (null: anybody) may call, as PostgREST shows it: all arguments named, no trigger functions.
select
    p.proname as name,
    obj_description(p.oid, 'pg_proc') as comment,
    p.provolatile = 'v' as volatile,
    p.proretset as returns_set,
    p.prorettype = 'void'::regtype as returns_nothing,
    (
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'name', coalesce(p.proargnames[g.n], ''),
                'type', format_type(p.proargtypes[g.n - 1], null),
                'required', g.n <= p.pronargs - p.pronargdefaults
            )
            order by g.n
        ), '[]')
        from generate_series(1, p.pronargs) as g (n)
    ) as arguments
from pg_proc as p
where
    p.pronamespace = (select n.oid from pg_namespace as n where n.nspname = %(schema)s)
    and p.prokind = 'f'
    and p.provariadic = 0
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and coalesce(p.proargmodes, '{i}') <@ '{i,t}'::"char"[]
    and (%(role)s::name is null or has_function_privilege(%(role)s::name, p.oid, 'EXECUTE'))
order by p.proname, p.oid;
