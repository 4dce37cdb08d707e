-- Gate of constitution 2.1: no table of the Data API without row level security. Plain psql, nothing else is needed:
--
--   psql "$DATABASE_URL" -X -f sql/gates/check_rls_coverage.sql
--   psql "$DATABASE_URL" -X -v exposed_schemas=public,api -f sql/gates/check_rls_coverage.sql
--
-- Prints rule, object and reason of every fault, between tabs, and ends with exit code 3; one line and 0 when there is none.
-- Names with control characters are printed as JSON strings, so that one fault is one line whatever it is called.
-- Other clients run the text from `set local` on in a read-only transaction, after `set local platformkit.exposed_schemas`
-- where it is needed; the faults are also the detail of the error (SQLSTATE PK001; PK002: only what could not be judged).
-- Reads the catalogue in a read-only transaction, as any role, on PostgreSQL 14 to 18.
--
-- Agrees with the rules of the same code in `platformkit scan`:
--   RLS001  row level security is off on a table or partition of `public` or of another schema of the Data API.
--           The schemas come from the setting pgrst.db_schemas of role authenticator (the database's own setting wins),
--           else from the variable. Known from neither: tables without it in other schemas cannot be judged, and that is
--           a fault too.
--   RLS002  policies exist, row level security is off.
--   RLS004  a permissive policy lets client roles write, and its condition is the constant `true` (USING, but for INSERT
--           WITH CHECK).
--   RLS005  the same for reading, unless the table's comment says `platformkit:public-read <reason>`.
-- RLS004 and RLS005 are the plain part: the rules parse, so they also see `1 = 1`, `true or ...` and other conditions
-- that are always true, also where a restrictive policy is one. Nothing is a fault here that is none to the rules.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
\pset fieldsep '\t'
begin transaction read only;
\if :{?exposed_schemas}
select pg_catalog.set_config('platformkit.exposed_schemas', :'exposed_schemas', true) as exposed_schemas \gset
\endif
set local search_path = pg_catalog, pg_temp;

do $gate$
declare
  managed constant text[] := array[ -- schemas of Supabase and of extensions; pg_* and information_schema are told by name
    '_analytics', '_realtime', '_supavisor', 'auth', 'cron', 'extensions', 'graphql', 'graphql_public', 'net', 'pgbouncer', 'pgmq',
    'pgmq_public', 'pgsodium', 'pgsodium_masks', 'pgtle', 'realtime', 'repack', 'storage', 'supabase_functions',
    'supabase_migrations', 'tiger', 'tiger_data', 'topology', 'vault'
  ];
  bearing constant text[] := array['realtime', 'storage']; -- managed, but meant to carry a project's own policies
  setting text;
  exposed text[]; -- null: not known
  judged bigint;
  faults jsonb;
begin
  select substr(item, strpos(item, '=') + 1)
    into setting
  from pg_db_role_setting as s
  join pg_roles as r on r.oid = s.setrole and r.rolname = 'authenticator'
  cross join lateral unnest(s.setconfig) as item
  where
    split_part(item, '=', 1) = 'pgrst.db_schemas'
    and s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
  order by s.setdatabase desc
  limit 1;
  setting := coalesce(setting, nullif(current_setting('platformkit.exposed_schemas', true), ''));
  if setting is not null then
    exposed := array(
      select btrim(btrim(item, E' \t\n\r\f\v'), '"') from unnest(string_to_array(setting, ',')) as item where btrim(item, E' \t\n\r\f\v') <> ''
    );
  end if;

  with recursive clients as ( -- one row: a role that the Data API takes on; on a server without them, whoever is PUBLIC
    select r.oid from pg_roles as r where r.rolname in ('anon', 'authenticated')
    union all
    select 0::oid where not exists (select from pg_roles as r where r.rolname in ('anon', 'authenticated'))
  ),
  acts_as as ( -- one row: a client and a role whose privileges it has by inheritance
    select c.oid as client, c.oid as role from clients as c
    union
    select a.client, m.roleid
    from acts_as as a
    join pg_auth_members as m on m.member = a.role
    join pg_roles as member on member.oid = m.member
    where coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, member.rolinherit) -- a column since PostgreSQL 16
  ),
  tables as ( -- one row: a table or partition of the project's, or a managed one that carries the project's policies
    select
      c.oid,
      n.nspname::text as schema,
      not (n.nspname::text = any (managed) or n.nspname = 'information_schema' or starts_with(n.nspname::text, 'pg_'))
        and c.relpersistence <> 't' as own,
      c.relrowsecurity as row_security,
      exists (select from pg_policy as p where p.polrelid = c.oid) as has_policies,
      'table ' || array_to_string(array(
        select case when part ~ '^[a-z_][a-z0-9_$]*$' then part else '"' || replace(part, '"', '""') || '"' end
        from unnest(array[n.nspname::text, c.relname::text]) with ordinality as named (part, position)
        order by position
      ), '.') as label,
      exists (
        select
        from pg_description as d
        cross join lateral (
          select btrim(piece[2], E' \t:;,.-' || case when getdatabaseencoding() = 'UTF8' then chr(8211) || chr(8212) else '' end) as reason
          from regexp_matches(d.description, 'platformkit:([a-z-]+)((?:(?!platformkit:)[^\n\r])*)', 'g') with ordinality as m (piece, position)
          where piece[1] = 'public-read'
          order by position
          limit 1
        ) as directive
        where d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0 and directive.reason <> ''
      ) as public_read
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where
      c.relkind in ('r', 'p')
      and not exists (
        select
        from pg_depend as d
        where
          d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
          and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
      )
  ),
  open_policies as ( -- one row: a permissive policy for a client role with the constant `true`, that nothing narrows
    select
      p.polrelid,
      t.schema,
      t.public_read,
      p.polcmd,
      p.polname::text as name,
      'policy' || substr(t.label, 6) || '.' || case
        when p.polname::text ~ '^[a-z_][a-z0-9_$]*$' then p.polname::text else '"' || replace(p.polname::text, '"', '""') || '"'
      end as label
    from pg_policy as p
    join tables as t on t.oid = p.polrelid and (t.own or t.schema = any (bearing))
    where
      p.polpermissive
      and case p.polcmd
        when 'a' then pg_get_expr(p.polwithcheck, p.polrelid) = 'true'
        else pg_get_expr(p.polqual, p.polrelid) = 'true'
      end
      and exists (select from acts_as as a where a.role = any (p.polroles) or 0 = any (p.polroles))
      and not exists (select from pg_policy as narrowing where narrowing.polrelid = p.polrelid and not narrowing.polpermissive)
  ),
  fault (rule, label, reason, known) as (
    select
      'RLS001', t.label,
      case
        when t.schema = 'public' or exposed is not null then 'no row level security: every grant opens every row'
        else 'not known: no row level security, and whether the Data API serves its schema cannot be seen here; '
          || 'say -v exposed_schemas=...'
      end,
      t.schema = 'public' or exposed is not null
    from tables as t
    where t.own and not t.row_security and (t.schema = 'public' or coalesce(t.schema = any (exposed), true))
    union all
    select 'RLS002', t.label, 'its policies are without effect, because row level security is off', true
    from tables as t
    where t.own and not t.row_security and t.has_policies
    union all
    select 'RLS004', o.label, 'lets client roles write every row: its condition is the constant true', true
    from open_policies as o
    where o.polcmd <> 'r'
    union all
    select
      'RLS005', o.label,
      'lets client roles read every row: its condition is the constant true, and no comment on the table says '
        || 'platformkit:public-read with a reason',
      true
    from open_policies as o
    where o.polcmd = 'r' and not o.public_read and o.schema <> all (bearing)
  )
  select
    (select count(*) from tables as t where t.own),
    coalesce(jsonb_agg(
      jsonb_build_object(
        'rule', f.rule, 'object', case when f.label ~ '[[:cntrl:]]' then to_json(f.label)::text else f.label end,
        'reason', f.reason, 'known', f.known
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
  faults constant jsonb := current_setting('platformkit.faults')::jsonb;
  listed text;
  broken bigint;
  unjudged bigint;
begin
  select
    count(*) filter (where fault.known), count(*) filter (where not fault.known),
    string_agg(format('%s %s: %s', fault.rule, fault.object, fault.reason), E'\n' order by fault.rule, fault.object collate "C")
    into broken, unjudged, listed
  from jsonb_to_recordset(faults) as fault (rule text, object text, reason text, known boolean);
  if broken > 0 then
    raise exception 'check_rls_coverage: % fault(s), % not known, among % tables', broken, unjudged, current_setting('platformkit.judged')
      using errcode = 'PK001', detail = listed;
  elsif unjudged > 0 then
    raise exception 'check_rls_coverage: % table(s) could not be judged: the schemas of the Data API are not known', unjudged
      using errcode = 'PK002', detail = listed;
  end if;
  raise info 'check_rls_coverage: % tables, no fault', current_setting('platformkit.judged');
end
$verdict$;
commit;
