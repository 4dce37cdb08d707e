-- One row: a function, procedure, aggregate or window function outside PostgreSQL's own schemas.
-- `body` is the source text of interpreted languages, `sql_body` the parsed body of BEGIN ATOMIC and RETURN functions.
-- `settings` are items of the form name=value. The server prints no aggregates: `definition` of those that no extension brought
-- is put together as CREATE AGGREGATE takes it. In no order.
-- Catalogues: pg_proc, pg_namespace, pg_language, pg_depend, pg_extension, pg_description, pg_aggregate, pg_operator.
-- PostgreSQL 14 to 18.
select
    n.nspname as schema,
    p.proname as name,
    pg_get_function_identity_arguments(p.oid) as arguments,
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window' else 'function' end as kind,
    pg_get_userbyid(p.proowner) as owner,
    l.lanname as language,
    pg_get_function_result(p.oid) as result,
    p.prosecdef as security_definer,
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
    p.proisstrict as strict,
    p.proleakproof as leakproof,
    case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end as parallel,
    p.proconfig::text as settings,
    coalesce(p.proacl, acldefault('f', p.proowner))::text as privileges,
    case when l.lanname not in ('c', 'internal') and p.prokind <> 'a' and p.prosqlbody is null then p.prosrc end as body,
    case when p.prosqlbody is not null then pg_get_function_sqlbody(p.oid) end as sql_body,
    case
        when p.prokind <> 'a' then pg_get_functiondef(p.oid)
        when e.oid is null then (
            select
                format('CREATE AGGREGATE %I.%I(%s) (', n.nspname, p.proname, coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'))
                || concat_ws(
                    ', ',
                    'SFUNC = ' || a.aggtransfn::regproc,
                    'STYPE = ' || format_type(a.aggtranstype, null),
                    'SSPACE = ' || nullif(a.aggtransspace, 0),
                    'FINALFUNC = ' || case when a.aggfinalfn <> 0 then a.aggfinalfn::regproc end,
                    case when a.aggfinalextra then 'FINALFUNC_EXTRA' end,
                    'FINALFUNC_MODIFY = '
                    || case a.aggfinalmodify when 's' then 'SHAREABLE' when 'w' then 'READ_WRITE' else 'READ_ONLY' end,
                    'COMBINEFUNC = ' || case when a.aggcombinefn <> 0 then a.aggcombinefn::regproc end,
                    'SERIALFUNC = ' || case when a.aggserialfn <> 0 then a.aggserialfn::regproc end,
                    'DESERIALFUNC = ' || case when a.aggdeserialfn <> 0 then a.aggdeserialfn::regproc end,
                    'INITCOND = ' || quote_literal(a.agginitval),
                    'MSFUNC = ' || case when a.aggmtransfn <> 0 then a.aggmtransfn::regproc end,
                    'MINVFUNC = ' || case when a.aggminvtransfn <> 0 then a.aggminvtransfn::regproc end,
                    'MSTYPE = ' || case when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null) end,
                    'MSSPACE = ' || nullif(a.aggmtransspace, 0),
                    'MFINALFUNC = ' || case when a.aggmfinalfn <> 0 then a.aggmfinalfn::regproc end,
                    case when a.aggmfinalextra then 'MFINALFUNC_EXTRA' end,
                    case
                        when a.aggmtransfn <> 0 then 'MFINALFUNC_MODIFY = '
                            || case a.aggmfinalmodify when 's' then 'SHAREABLE' when 'w' then 'READ_WRITE' else 'READ_ONLY' end
                    end,
                    'MINITCOND = ' || quote_literal(a.aggminitval),
                    (
                        select format('SORTOP = OPERATOR(%I.%s)', sn.nspname, o.oprname)
                        from pg_operator as o
                        inner join pg_namespace as sn on sn.oid = o.oprnamespace
                        where o.oid = a.aggsortop
                    ),
                    'PARALLEL = ' || case p.proparallel when 's' then 'SAFE' when 'r' then 'RESTRICTED' else 'UNSAFE' end,
                    case when a.aggkind = 'h' then 'HYPOTHETICAL' end
                )
                || ')'
            from pg_aggregate as a
            where a.aggfnoid = p.oid
        )
    end as definition,
    p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as returns_trigger,
    e.extname as extension,
    description.description as comment
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
inner join pg_language as l on l.oid = p.prolang
left join pg_description as description
    on description.objoid = p.oid and description.classoid = 'pg_proc'::regclass and description.objsubid = 0
left join pg_depend as d
    on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
left join pg_extension as e on e.oid = d.refobjid
where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
