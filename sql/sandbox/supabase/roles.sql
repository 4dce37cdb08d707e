-- The roles of a hosted project. Roles belong to the cluster, so several projects on one server share them;
-- the lock makes concurrent installers (in other databases) wait instead of failing on the same catalogue row.
-- Run as the cluster's superuser `supabase_admin`, in one transaction with the other files of this folder.

lock table pg_catalog.pg_authid in share row exclusive mode;

do $roles$
declare
  wanted record;
begin
  for wanted in
    -- one row: a role and its attributes, as customers find them
    select * from (values
      ('postgres',                   'login createdb createrole replication bypassrls'),
      ('anon',                       'nologin'),
      ('authenticated',              'nologin'),
      ('service_role',               'nologin bypassrls'),
      ('authenticator',              'login noinherit'),
      ('supabase_auth_admin',        'login noinherit createrole'),
      ('supabase_storage_admin',     'login noinherit createrole'),
      ('supabase_functions_admin',   'login noinherit createrole'),
      ('supabase_realtime_admin',    'nologin noinherit'),
      ('supabase_replication_admin', 'login replication'),
      ('supabase_read_only_user',    'login bypassrls'),
      ('supabase_etl_admin',         'login replication'),
      ('dashboard_user',             'nologin createdb createrole replication'),
      ('pgbouncer',                  'login'),
      -- not of the platform: the role as which projects are scanned. It may connect and read the catalogues, nothing else.
      ('platformkit_observer',       'login nosuperuser nobypassrls nocreatedb nocreaterole noreplication')
    ) as role (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end
$roles$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres;
grant authenticator to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user;

do $memberships$
begin
  if (select rolsuper from pg_catalog.pg_roles where rolname = 'postgres') then
    return; -- a superuser needs no memberships, and a bootstrap superuser cannot be demoted
  end if;
  grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres;
  grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
  if current_setting('server_version_num')::int >= 150000 then
    -- the platform lets `postgres` set this through an extension of its own
    execute 'grant set on parameter session_replication_role to postgres';
  end if;
end
$memberships$;

do $settings$
declare
  wanted record;
begin
  for wanted in
    -- one row: a setting that a role has in every database
    select * from (values
      ('anon',                   'statement_timeout',                   '3s'),
      ('authenticated',          'statement_timeout',                   '8s'),
      ('authenticator',          'statement_timeout',                   '8s'),
      ('authenticator',          'lock_timeout',                        '8s'),
      ('supabase_auth_admin',    'search_path',                         'auth'),
      ('supabase_auth_admin',    'idle_in_transaction_session_timeout', '60000'),
      ('supabase_storage_admin', 'search_path',                         'storage'),
      ('postgres',               'search_path',                         '"$user", public, extensions')
    ) as setting (role, name, value)
  loop
    if not exists (
      select
      from pg_catalog.pg_db_role_setting as s
      join pg_catalog.pg_roles as r on r.oid = s.setrole
      where s.setdatabase = 0 and r.rolname = wanted.role and wanted.name || '=' || wanted.value = any (s.setconfig)
    ) then
      if wanted.name = 'search_path' then
        execute format('alter role %I set search_path = %s', wanted.role, wanted.value); -- a list, not one quoted name
      else
        execute format('alter role %I set %I = %L', wanted.role, wanted.name, wanted.value);
      end if;
    end if;
  end loop;
end
$settings$;
