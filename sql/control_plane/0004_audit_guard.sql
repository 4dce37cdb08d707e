-- Second layer around the audit log: even its owner cannot alter, drop, re-grant or re-define it.
--
-- Event triggers take a seal of everything the catalogue says about the audit objects when a DDL command starts, and refuse
-- the command when it leaves another seal behind. Comparing states needs no list of dangerous commands. In a schema of
-- its own: inside ops, DROP SCHEMA ops CASCADE would take the guard away before it fires. Superusers are not held.
-- Only a superuser (or, on Supabase, the role postgres) may make event triggers; otherwise this layer is left out.

do $guard$
begin
  create schema ops_guard;
  comment on schema ops_guard is 'Guards the audit log of schema ops against changes of its definition.';

  create function ops_guard.audit_guard() returns event_trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
  as $function$
  declare
    seal text;
  begin
    if (select rolsuper from pg_roles where rolname = session_user) then
      return;
    end if;

    with relation as (
      select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'ops' and c.relname in ('audit_log', 'audit_head')
    ), routine as (
      select p.* from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname = 'ops' and starts_with(p.proname, 'audit_')
    ), line (fact) as (
      select jsonb_build_array('schema', oid, nspowner) from pg_namespace where nspname = 'ops'
      union all
      select jsonb_build_array('relation', oid, relname, relowner, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relhasrules, relacl::text)
        from relation
      union all
      select jsonb_build_array('column', a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.attgenerated, a.attisdropped, a.attacl::text)
        from pg_attribute a join relation r on r.oid = a.attrelid where a.attnum > 0
      union all
      select jsonb_build_array('default', d.adrelid, d.adnum, pg_get_expr(d.adbin, d.adrelid)) from pg_attrdef d join relation r on r.oid = d.adrelid
      union all
      select jsonb_build_array('constraint', c.conrelid, c.conname, c.convalidated, pg_get_constraintdef(c.oid)) from pg_constraint c join relation r on r.oid = c.conrelid
      union all
      select jsonb_build_array('trigger', t.tgrelid, t.tgname, t.tgfoid, t.tgtype, t.tgenabled, pg_get_triggerdef(t.oid))
        from pg_trigger t join relation r on r.oid = t.tgrelid
      union all
      select jsonb_build_array('policy', p.polrelid, p.polname, p.polcmd, p.polpermissive, p.polroles::text,
                               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        from pg_policy p join relation r on r.oid = p.polrelid
      union all
      select jsonb_build_array('inheritance', i.inhrelid, i.inhparent) from pg_inherits i join relation r on r.oid in (i.inhrelid, i.inhparent)
      union all
      select jsonb_build_array('routine', oid, proname, proowner, prolang, prosecdef, provolatile, proconfig::text, proacl::text, prosrc) from routine
    )
    select encode(sha256(convert_to(string_agg(fact::text, e'\n' order by fact::text), 'UTF8')), 'hex') into seal from line;

    if tg_event = 'ddl_command_start' then
      perform set_config('platformkit.audit_seal', coalesce(seal, ''), true);
    elsif current_setting('platformkit.audit_seal', true) is distinct from coalesce(seal, '') then
      raise exception '% would change the definition of the audit log in schema ops: refused', tg_tag using
        errcode = 'restrict_violation',
        hint = 'a superuser can do it; the audit chain and its anchors stay the evidence';
    end if;
  end
  $function$;
  comment on function ops_guard.audit_guard() is 'Event trigger: refuses DDL that changes the audit log, its triggers, functions, policies or privileges.';
  revoke execute on function ops_guard.audit_guard() from public;

  create event trigger platformkit_audit_seal on ddl_command_start execute function ops_guard.audit_guard();
  create event trigger platformkit_audit_guard on ddl_command_end execute function ops_guard.audit_guard();
  -- ALWAYS: replica mode must not switch them off.
  alter event trigger platformkit_audit_seal enable always;
  alter event trigger platformkit_audit_guard enable always;
exception when insufficient_privilege then
  raise notice 'event triggers need a superuser: the audit log is kept by privileges, triggers and the hash chain alone';
end
$guard$;
