-- Grant regime since 30 October 2026 (new projects: 30 May 2026): a new object in public is reachable only if somebody grants it.
-- Run after grants_automatic.sql, because the platform takes these away from what it gave before. TRUNCATE, REFERENCES and
-- TRIGGER of tables stay granted, and so does everything that supabase_admin makes.

alter default privileges for role postgres in schema public revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke execute on functions from anon, authenticated, service_role;
-- Without a schema on purpose: an entry with one can only add to the built-in grant to PUBLIC, never take from it.
alter default privileges for role postgres revoke execute on functions from public;
