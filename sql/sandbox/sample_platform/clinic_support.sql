-- What somebody with a superuser's rights did for clinic-messy, before its own files. Run as supabase_admin.

create extension postgres_fdw with schema extensions;
grant usage on foreign data wrapper postgres_fdw to postgres;

-- The practice's own server logs in as it. A role belongs to the server of the database, and stays when the database goes.
do $role$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'clinic_backend') then
    create role clinic_backend login;
  end if;
end
$role$;
grant clinic_backend to postgres;

-- FAULT FUN007: runs with the rights of supabase_admin, a superuser
create function public.end_sessions() returns bigint language sql security definer set search_path = '' as $body$
  select count(pg_catalog.pg_terminate_backend(pid)) from pg_catalog.pg_stat_activity where usename = 'clinic_backend'
$body$;
comment on function public.end_sessions() is 'platformkit:definer the practice''s server forgets to close its sessions, and only a superuser may end them';
revoke execute on function public.end_sessions() from public, anon, authenticated;
