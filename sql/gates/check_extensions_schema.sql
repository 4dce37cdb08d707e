-- Gate of constitution 2.3: no extension in schema public. Plain psql, nothing else is needed:
--
--   psql "$DATABASE_URL" -X -f sql/gates/check_extensions_schema.sql
--
-- Prints rule, object and reason of every fault, between tabs, and ends with exit code 3; one line and 0 when there is none.
-- Names with control characters are printed as JSON strings, so that one fault is one line whatever it is called.
-- Other clients run the text from `set local` on in a read-only transaction; the faults are also the detail of the error
-- (SQLSTATE PK001). Reads the catalogue only, as any role, on PostgreSQL 14 to 18.
--
-- Agrees with the rule of the same code in `platformkit scan`:
--   EXT001  the extension's schema is public.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
\pset fieldsep '\t'
begin transaction read only;
set local search_path = pg_catalog, pg_temp;

do $gate$
declare
  judged bigint;
  faults jsonb;
begin
  with extensions as ( -- one row: an installed extension
    select
      'extension ' || case when e.extname ~ '^[a-z_][a-z0-9_$]*$' then e.extname::text else '"' || replace(e.extname, '"', '""') || '"' end as label,
      n.nspname = 'public' as in_public,
      case
        when e.extrelocatable then 'installed in public; `alter extension ... set schema extensions` moves it'
        else 'installed in public, and not relocatable: it has to be dropped and created anew'
      end as reason
    from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace
  )
  select
    count(*),
    coalesce(jsonb_agg(
      jsonb_build_object(
        'rule', 'EXT001', 'object', case when e.label ~ '[[:cntrl:]]' then to_json(e.label)::text else e.label end, 'reason', e.reason
      )
      order by e.label collate "C"
    ) filter (where e.in_public), '[]')
    into judged, faults
  from extensions as e;
  perform set_config('platformkit.faults', faults::text, true), set_config('platformkit.judged', judged::text, true);
end
$gate$;

select fault.rule, fault.object, fault.reason
from jsonb_to_recordset(current_setting('platformkit.faults')::jsonb) as fault (rule text, object text, reason text);

do $verdict$
declare
  listed text;
  broken bigint;
begin
  select count(*), string_agg(format('%s %s: %s', fault.rule, fault.object, fault.reason), E'\n' order by fault.object collate "C")
    into broken, listed
  from jsonb_to_recordset(current_setting('platformkit.faults')::jsonb) as fault (rule text, object text, reason text);
  if broken > 0 then
    raise exception 'check_extensions_schema: % fault(s) among % extensions', broken, current_setting('platformkit.judged')
      using errcode = 'PK001', detail = listed;
  end if;
  raise info 'check_extensions_schema: % extensions, no fault', current_setting('platformkit.judged');
end
$verdict$;
commit;
