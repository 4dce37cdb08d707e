-- One row: a trigger that somebody created; `inherited` for the copy that a partition carries of its parent's trigger.
-- `definition` of a plain one is put together as pg_get_triggerdef prints it, at a third of its cost.
-- Those of foreign keys are left out. Up to 14 the copies are marked internal, hence the second look at tgparentid.
-- In no order.
-- Catalogues: pg_trigger, pg_class, pg_namespace, pg_proc, pg_description. PostgreSQL 14 to 18. Bits of tgtype: 1 row,
-- 2 before, 4 insert, 8 delete, 16 update, 32 truncate, 64 instead.
select
    n.nspname as schema,
    c.relname as relation,
    t.tgname as name,
    fn.nspname as function_schema,
    f.proname as function_name,
    case
        when
            t.tgqual is null and t.tgnargs = 0 and t.tgattr::text = '' and t.tgconstraint = 0 and t.tgoldtable is null and t.tgnewtable is null
            and fn.nspname <> 'pg_catalog'
            then
                'CREATE TRIGGER ' || quote_ident(t.tgname)
                || case when t.tgtype::integer & 64 > 0 then ' INSTEAD OF ' when t.tgtype::integer & 2 > 0 then ' BEFORE ' else ' AFTER ' end
                || concat_ws(
                    ' OR ',
                    case when t.tgtype::integer & 4 > 0 then 'INSERT' end,
                    case when t.tgtype::integer & 8 > 0 then 'DELETE' end,
                    case when t.tgtype::integer & 16 > 0 then 'UPDATE' end,
                    case when t.tgtype::integer & 32 > 0 then 'TRUNCATE' end
                )
                || ' ON ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname)
                || case when t.tgtype::integer & 1 > 0 then ' FOR EACH ROW' else ' FOR EACH STATEMENT' end
                || ' EXECUTE FUNCTION ' || quote_ident(fn.nspname) || '.' || quote_ident(f.proname) || '()'
        else coalesce(pg_get_triggerdef(t.oid), '')
    end as definition,
    case t.tgenabled when 'D' then 'disabled' when 'R' then 'replica' when 'A' then 'always' else 'origin' end as enabled,
    array_remove(
        array[
            case when t.tgtype::integer & 4 > 0 then 'INSERT' end,
            case when t.tgtype::integer & 16 > 0 then 'UPDATE' end,
            case when t.tgtype::integer & 8 > 0 then 'DELETE' end,
            case when t.tgtype::integer & 32 > 0 then 'TRUNCATE' end
        ],
        null
    )::text as events,
    case when t.tgtype::integer & 64 > 0 then 'INSTEAD OF' when t.tgtype::integer & 2 > 0 then 'BEFORE' else 'AFTER' end as timing,
    t.tgtype::integer & 1 > 0 as for_each_row,
    t.tgparentid <> 0 as inherited,
    description.description as comment
from pg_trigger as t
inner join pg_class as c on c.oid = t.tgrelid and c.relkind in ('r', 'p', 'v', 'f')
inner join pg_namespace as n on n.oid = c.relnamespace
inner join pg_proc as f on f.oid = t.tgfoid
inner join pg_namespace as fn on fn.oid = f.pronamespace
left join pg_description as description
    on description.objoid = t.oid and description.classoid = 'pg_trigger'::regclass and description.objsubid = 0
where
    (not t.tgisinternal or (t.tgparentid <> 0 and t.tgconstraint = 0))
    and n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
