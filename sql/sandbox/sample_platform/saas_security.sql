-- Policies and triggers of saas-multitenant: every style in which a tenant can be confined, and five that do not confine.

do $switch_on$
declare
  each_table regclass;
begin
  for each_table in
    select oid
    from pg_catalog.pg_class
    where relkind in ('r', 'p') and relnamespace in ('public'::regnamespace, 'api'::regnamespace)
      and relname not in ('activity_2026_03', 'feature_requests')
  loop
    execute format('alter table %s enable row level security', each_table);
  end loop;
end
$switch_on$;

create policy "own organization" on public.organizations for select to authenticated using (id = (select public.current_tenant_id()));
create policy "everybody" on public.plans for select to anon, authenticated using (true); -- clean: public-read
create policy "everybody" on public.currency_rates for select to anon, authenticated using (true); -- clean for RLS005: public-read

create policy "own memberships" on public.memberships for select to authenticated
  using (tenant_id = (select public.current_tenant_id()) and user_id = (select auth.uid()));

-- the helper, once for all commands
create policy tenant on public.teams to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy tenant on public.team_members to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy tenant on public.projects to authenticated
  using (tenant_id = (select public.current_tenant_id())) with check (tenant_id = (select public.current_tenant_id()));

-- the helper in PL/pgSQL, and the claim on the left side
create policy tenant on public.boards to authenticated using ((select public.tenant_of_token()) = tenant_id);
create policy tenant on public."boardColumns" to authenticated using (tenant_id = public.tenant_of_token()); -- FAULT RLS010

-- the helper with a bound body
create policy tenant on public.sprints to authenticated using (tenant_id = (select internal.claimed_tenant()));

-- one policy per command
create policy read_tasks on public.tasks for select to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy add_tasks on public.tasks for insert to authenticated with check (tenant_id = (select public.current_tenant_id()));
create policy change_tasks on public.tasks for update to authenticated
  using (tenant_id = (select public.current_tenant_id()) and (assignee is null or assignee = (select auth.uid())))
  with check (tenant_id = (select public.current_tenant_id()));
create policy remove_tasks on public.tasks for delete to authenticated using (tenant_id = (select public.current_tenant_id()) and not done);

-- the claim in app_metadata, and straight from the setting
create policy tenant on public.task_dependencies to authenticated
  using (tenant_id = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant_id')::uuid);
create policy tenant on public.tags to authenticated
  using (tenant_id = (current_setting('request.jwt.claims', true)::json ->> 'tenant_id')::uuid); -- FAULT RLS010
create policy tenant on public.task_tags to authenticated
  using (tenant_id = ((select current_setting('request.jwt.claims', true))::jsonb ->> 'tenant_id')::uuid);
create policy tenant on public.labels to authenticated using (tenant_id = (select (auth.jwt() ->> 'tenant_id')::uuid));

-- clean: an OR whose branches all confine
create policy tenant on public.subscriptions to authenticated using (
  (tenant_id = (select public.current_tenant_id()) and seats > 1) or (tenant_id = (select public.tenant_of_token()))
);

-- clean: membership in the declared table, as a list and as a correlated question
create policy members_read on public.documents for select to authenticated using (
  tenant_id in (select m.tenant_id from public.memberships as m where m.user_id = (select auth.uid()))
);
create policy members_write on public.documents for insert to authenticated with check (
  exists (select 1 from public.memberships as m where m.tenant_id = documents.tenant_id and m.user_id = (select auth.uid()))
);

-- clean: the permissive policy alone would not confine, the restrictive one does
create policy own_notifications on public.notifications to authenticated using (user_id = (select auth.uid()));
create policy tenant on public.notifications as restrictive to authenticated using (tenant_id = (select public.current_tenant_id()));

create policy server on public.billing_events to service_role using (true); -- clean: not a client role

create policy tenant on public."UserSettings" to authenticated
  using (tenant_id = (select public.current_tenant_id()) and "ownerId" = (select auth.uid()));
create policy tenant on public."apiKeys" to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy tenant on public.activity to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy tenant on public.activity_2026_01 to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy tenant on public.activity_2026_02 to authenticated using (tenant_id = (select public.current_tenant_id()));

-- FAULT TEN003: the second branch of the OR lets other tenants in
create policy read_comments on public.comments for select to authenticated using (tenant_id = (select public.current_tenant_id()) or is_public);
create policy write_comments on public.comments for insert to authenticated with check (tenant_id = (select public.current_tenant_id()));

-- FAULT TEN003: the header is whatever the client sends
create policy tenant on public.attachments to authenticated using (tenant_id = (select public.requested_tenant()));

-- FAULT TEN003, FAULT RLS006: users edit user_metadata themselves. FAULT RLS010
create policy tenant on public.invites to authenticated using (tenant_id = (auth.jwt() -> 'user_metadata' ->> 'tenant_id')::uuid);

-- FAULT TEN003, as UNKNOWN: public.team_members is not declared as a membership table
create policy team_reads on public.time_entries for select to authenticated using (
  tenant_id in (select m.tenant_id from public.team_members as m where m.user_id = (select auth.uid()))
);

create policy read_webhooks on api.webhooks for select to authenticated using (tenant_id = (select public.current_tenant_id()));
create policy remove_webhooks on api.webhooks for delete to authenticated
  using (1 = 1 or tenant_id = (select public.current_tenant_id())); -- FAULT RLS004, and TEN003 of the table
grant select, insert, update, delete on api.webhooks to authenticated;
grant select on api.projects to authenticated;

do $triggers$
declare
  each_table regclass;
begin
  for each_table in
    select a.attrelid
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    where a.attname = 'updated_at' and c.relkind in ('r', 'p') and not c.relispartition
      and c.relnamespace in ('public'::regnamespace, 'api'::regnamespace, 'internal'::regnamespace)
  loop
    execute format('create trigger set_updated_at before update on %s for each row execute function internal.set_updated_at()', each_table);
  end loop;
end
$triggers$;

insert into storage.buckets (id, name, public) values ('attachments', 'attachments', false), ('logos', 'logos', true);
create policy "own attachments" on storage.objects to authenticated
  using (bucket_id = 'attachments' and (storage.foldername(name))[1] = (select public.current_tenant_id())::text);
