-- Roles, the schema ops, and the ledger of applied migrations.
--
-- Roles belong to the whole server, so another database may have made them already, perhaps in this very second.
-- platformkit_pipeline gets no password here: a local server trusts its socket, elsewhere an administrator sets one.

do $roles$
declare
  wanted record;
  can_act boolean;
begin
  for wanted in
    select * from (values ('platformkit_owner', 'nologin'), ('platformkit_pipeline', 'login'), ('platformkit_reader', 'nologin')) as r (name, login)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      begin
        execute format('create role %I %s', wanted.name, wanted.login);
      exception
        when duplicate_object or unique_violation then
          null;  -- a migration of another database was faster
        when insufficient_privilege then
          raise exception 'role "%" may not create the role "%"', current_user, wanted.name using
            errcode = 'insufficient_privilege',
            hint = 'migrate with a role that has CREATEROLE, or let an administrator create platformkit_owner, platformkit_pipeline (login) and '
                   'platformkit_reader and grant platformkit_owner to the migrating role';
      end;
    end if;
  end loop;

  if exists (select from pg_catalog.pg_roles
              where rolname in ('platformkit_pipeline', 'platformkit_reader') and (rolsuper or rolbypassrls or rolcreaterole or rolreplication)) then
    raise exception 'platformkit_pipeline or platformkit_reader has SUPERUSER, BYPASSRLS, CREATEROLE or REPLICATION' using
      errcode = 'invalid_role_specification',
      hint = 'take the attribute away with ALTER ROLE: the audit log holds only against ordinary roles';
  end if;

  -- The migrating role acts for the owner. Since PostgreSQL 16 membership alone does not allow SET ROLE.
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    can_act := pg_catalog.pg_has_role('platformkit_owner', 'usage')
      and pg_catalog.pg_has_role('platformkit_owner', case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end);
    if not can_act then
      begin
        execute format('grant platformkit_owner to %I', current_user);
      exception when insufficient_privilege then
        raise exception 'role "%" may not act as platformkit_owner', current_user using
          errcode = 'insufficient_privilege',
          hint = format('let an administrator run: grant platformkit_owner to %I', current_user);
      end;
    end if;
  end if;

  -- Usually PUBLIC has both; TEMPORARY is for the staging table of inventory writes.
  if not pg_catalog.has_database_privilege('platformkit_pipeline', current_database(), 'connect')
     or not pg_catalog.has_database_privilege('platformkit_pipeline', current_database(), 'temporary') then
    execute format('grant connect, temporary on database %I to platformkit_pipeline', current_database());
  end if;
  if not pg_catalog.has_database_privilege('platformkit_reader', current_database(), 'connect') then
    execute format('grant connect on database %I to platformkit_reader', current_database());
  end if;
end
$roles$;

create schema ops authorization platformkit_owner;

set role platformkit_owner;

comment on schema ops is 'Control plane of Platform Kit: what was observed, judged, proposed and done.';
grant usage on schema ops to platformkit_pipeline, platformkit_reader;

-- Sets updated_at on every UPDATE, whatever the statement says.
create function ops.touch_updated_at() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
begin
  new.updated_at := now();
  return new;
end
$function$;
comment on function ops.touch_updated_at() is 'Trigger: keeps updated_at (clause 5.3).';
revoke execute on function ops.touch_updated_at() from public;

create table ops.schema_migrations (
  version integer primary key check (version > 0),
  name text not null unique,
  checksum text not null check (checksum ~ '^[0-9a-f]{64}$'),
  duration_seconds double precision not null,
  applied_by text not null default session_user,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table ops.schema_migrations is
  'One row: one file of sql/control_plane that was applied, with the SHA-256 it had then. platformkit:not-tenant-scoped the ledger of the control plane itself';
create trigger schema_migrations_touch before update on ops.schema_migrations for each row execute function ops.touch_updated_at();
alter table ops.schema_migrations enable row level security;
create policy pipeline_reads on ops.schema_migrations for select to platformkit_pipeline using (true);
create policy reader_reads on ops.schema_migrations for select to platformkit_reader using (true);
grant select on ops.schema_migrations to platformkit_pipeline, platformkit_reader;

reset role;
