-- The platform's schemas, who owns them and who may look into them.

create schema if not exists extensions         authorization postgres;
create schema if not exists auth               authorization supabase_admin;
create schema if not exists storage            authorization supabase_admin;
create schema if not exists realtime           authorization supabase_admin;
create schema if not exists _realtime          authorization supabase_admin;
create schema if not exists vault              authorization supabase_admin;
create schema if not exists graphql            authorization supabase_admin;
create schema if not exists graphql_public     authorization supabase_admin;
create schema if not exists pgbouncer          authorization pgbouncer;
create schema if not exists supabase_migrations authorization postgres;

grant usage on schema public         to postgres, anon, authenticated, service_role;
grant create on schema public        to postgres;
grant usage on schema extensions     to postgres, anon, authenticated, service_role;
grant usage on schema auth           to postgres, anon, authenticated, service_role;
grant usage on schema storage        to postgres, anon, authenticated, service_role;
grant usage on schema realtime       to postgres, anon, authenticated, service_role;
grant usage on schema graphql_public to postgres, anon, authenticated, service_role;
grant usage on schema vault          to postgres, service_role;
grant all   on schema auth           to supabase_auth_admin, dashboard_user;
grant all   on schema storage        to supabase_storage_admin, dashboard_user, postgres;
grant all   on schema realtime       to supabase_realtime_admin;
grant all   on schema extensions     to dashboard_user;

alter default privileges for role supabase_storage_admin in schema storage grant all on tables    to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_storage_admin in schema storage grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_storage_admin in schema storage grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_auth_admin    in schema auth    grant all on tables    to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin    in schema auth    grant all on functions to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin    in schema auth    grant all on sequences to postgres, dashboard_user;

-- Extensions that every project has, as far as this server brings them; the two most used functions otherwise.
do $extensions$
declare
  wanted text;
begin
  foreach wanted in array array['pg_stat_statements', 'pgcrypto', 'uuid-ossp'] loop
    if exists (select from pg_catalog.pg_available_extensions where name = wanted) then
      execute format('create extension if not exists %I with schema extensions', wanted);
    end if;
  end loop;
  if to_regprocedure('extensions.uuid_generate_v4()') is null then
    create function extensions.uuid_generate_v4() returns uuid language sql volatile parallel safe
      as 'select pg_catalog.gen_random_uuid()';
    comment on function extensions.uuid_generate_v4() is 'stand-in: this server is built without uuid-ossp';
  end if;
  if to_regprocedure('extensions.digest(text, text)') is null then
    create function extensions.digest(data text, type text) returns bytea language sql immutable strict parallel safe
      as $digest$
        select case lower(type)
          when 'sha224' then pg_catalog.sha224(convert_to(data, 'UTF8'))
          when 'sha256' then pg_catalog.sha256(convert_to(data, 'UTF8'))
          when 'sha384' then pg_catalog.sha384(convert_to(data, 'UTF8'))
          when 'sha512' then pg_catalog.sha512(convert_to(data, 'UTF8'))
        end
      $digest$;
    comment on function extensions.digest(text, text) is 'stand-in: this server is built without pgcrypto';
  end if;
end
$extensions$;
