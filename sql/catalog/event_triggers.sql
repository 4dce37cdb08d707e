-- One row: an event trigger of the database.
-- Catalogues: pg_event_trigger, pg_proc, pg_namespace, pg_depend, pg_extension. PostgreSQL 14 to 18 (event login from 17).
select
    t.evtname as name,
    t.evtevent as event,
    fn.nspname as function_schema,
    f.proname as function_name,
    case t.evtenabled when 'D' then 'disabled' when 'R' then 'replica' when 'A' then 'always' else 'origin' end as enabled,
    pg_get_userbyid(t.evtowner) as owner,
    array(select g.tag from unnest(t.evttags) as g (tag) order by g.tag collate "C") as tags,
    e.extname as extension
from pg_event_trigger as t
inner join pg_proc as f on f.oid = t.evtfoid
inner join pg_namespace as fn on fn.oid = f.pronamespace
left join pg_depend as d
    on d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
left join pg_extension as e on e.oid = d.refobjid
order by t.evtname;
