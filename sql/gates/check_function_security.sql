-- Gate of constitution 2.2: SECURITY DEFINER functions decide for themselves where names lead, and say why they exist.
-- Plain psql, nothing else is needed:
--
--   psql "$DATABASE_URL" -X -f sql/gates/check_function_security.sql
--
-- Prints rule, object and reason of every fault, between tabs, and ends with exit code 3; one line and 0 when there is none.
-- Names with control characters are printed as JSON strings, so that one fault is one line whatever it is called.
-- Other clients run the text from `set local` on in a read-only transaction; the faults are also the detail of the error
-- (SQLSTATE PK001). Reads the catalogue only, as any role, on PostgreSQL 14 to 18.
--
-- Agrees with the rules of the same code in `platformkit scan`, for functions and procedures of the project's own schemas:
--   FUN001  SECURITY DEFINER without a fixed search_path.
--   FUN003  the fixed search_path holds "$user", a schema in which a client role may create, or pg_temp before its end.
--   FUN004  SECURITY DEFINER, and no comment says `platformkit:definer <reason>`.
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
  managed constant text[] := array[ -- schemas of Supabase and of extensions; pg_* and information_schema are told by name
    '_analytics', '_realtime', '_supavisor', 'auth', 'cron', 'extensions', 'graphql', 'graphql_public', 'net', 'pgbouncer', 'pgmq',
    'pgmq_public', 'pgsodium', 'pgsodium_masks', 'pgtle', 'realtime', 'repack', 'storage', 'supabase_functions',
    'supabase_migrations', 'tiger', 'tiger_data', 'topology', 'vault'
  ];
  judged bigint;
  faults jsonb;
begin
  with clients as ( -- one row: a role that the Data API takes on; on a server without them, whoever is PUBLIC
    select r.rolname::text as name from pg_roles as r where r.rolname in ('anon', 'authenticated')
    union all
    select 'public' where not exists (select from pg_roles as r where r.rolname in ('anon', 'authenticated'))
  ),
  definers as ( -- one row: a definer function of the project's
    select
      p.oid,
      (select substr(item, strpos(item, '=') + 1) from unnest(p.proconfig) as item where split_part(item, '=', 1) = 'search_path') as path,
      'function ' || array_to_string(array(
        select case when part ~ '^[a-z_][a-z0-9_$]*$' then part else '"' || replace(part, '"', '""') || '"' end
        from unnest(array[n.nspname::text, p.proname::text]) with ordinality as named (part, position)
        order by position
      ), '.') || '(' || pg_get_function_identity_arguments(p.oid) || ')' as label,
      (
        select directive.reason
        from pg_description as d
        cross join lateral (
          select btrim(piece[2], E' \t:;,.-' || case when getdatabaseencoding() = 'UTF8' then chr(8211) || chr(8212) else '' end) as reason
          from regexp_matches(d.description, 'platformkit:([a-z-]+)((?:(?!platformkit:)[^\n\r])*)', 'g') with ordinality as m (piece, position)
          where piece[1] = 'definer'
          order by position
          limit 1
        ) as directive
        where d.objoid = p.oid and d.classoid = 'pg_proc'::regclass and d.objsubid = 0
      ) as reason
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where
      p.prosecdef
      and not (n.nspname::text = any (managed) or n.nspname = 'information_schema' or starts_with(n.nspname::text, 'pg_'))
      and not exists (
        select
        from pg_depend as d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
      )
  ),
  steps as ( -- one row: a schema of a fixed search_path, as the server reads the list
    select
      d.oid, d.label, item.position,
      case when item.piece[1] like '"%' then replace(substr(item.piece[1], 2, length(item.piece[1]) - 2), '""', '"')
        else lower(btrim(item.piece[1])) end as name,
      item.position = max(item.position) over (partition by d.oid) as is_last
    from definers as d
    cross join lateral regexp_matches(d.path, '("(?:[^"]|"")*"|[^",\s][^",]*)', 'g') with ordinality as item (piece, position)
  ),
  unsafe as (
    select
      s.oid, s.label,
      string_agg(
        case
          when s.name = '$user' then '"$user"'
          when s.name ~ '^pg_temp(_[0-9]+)?$' then s.name || ' before its end'
          else quote_ident(s.name) || ', where client roles may create'
        end, '; ' order by s.position
      ) as steps
    from steps as s
    left join pg_namespace as n on n.nspname::text = s.name
    where
      s.name = '$user'
      or (s.name ~ '^pg_temp(_[0-9]+)?$' and not s.is_last)
      or (s.name !~ '^pg_temp(_[0-9]+)?$' and exists (select from clients as c where has_schema_privilege(c.name, n.oid, 'create')))
    group by s.oid, s.label
  ),
  fault (rule, label, reason) as (
    select 'FUN001', d.label, 'SECURITY DEFINER, and its search_path is the caller''s' from definers as d where d.path is null
    union all
    select 'FUN003', u.label, 'SECURITY DEFINER, and its search_path holds ' || u.steps from unsafe as u
    union all
    select
      'FUN004', d.label,
      case when d.reason is null then 'SECURITY DEFINER, and no comment says platformkit:definer with a reason'
        else 'its comment says platformkit:definer without a reason' end
    from definers as d
    where coalesce(d.reason, '') = ''
  )
  select
    (select count(*) from definers),
    coalesce(jsonb_agg(
      jsonb_build_object(
        'rule', f.rule, 'object', case when f.label ~ '[[:cntrl:]]' then to_json(f.label)::text else f.label end,
        'reason', case when f.reason ~ '[[:cntrl:]]' then to_json(f.reason)::text else f.reason end
      )
      order by f.rule, f.label collate "C"
    ), '[]')
    into judged, faults
  from fault as f;
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
  select count(*), string_agg(format('%s %s: %s', fault.rule, fault.object, fault.reason), E'\n' order by fault.rule, fault.object collate "C")
    into broken, listed
  from jsonb_to_recordset(current_setting('platformkit.faults')::jsonb) as fault (rule text, object text, reason text);
  if broken > 0 then
    raise exception 'check_function_security: % fault(s) among % definer functions', broken, current_setting('platformkit.judged')
      using errcode = 'PK001', detail = listed;
  end if;
  raise info 'check_function_security: % definer functions, no fault', current_setting('platformkit.judged');
end
$verdict$;
commit;
