-- Grant regime until 2026: whatever is made in public is granted to the three API roles at once.

alter default privileges for role postgres       in schema public grant all on tables    to postgres, anon, authenticated, service_role;
alter default privileges for role postgres       in schema public grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres       in schema public grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public grant all on tables    to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres grant execute on functions to public;
