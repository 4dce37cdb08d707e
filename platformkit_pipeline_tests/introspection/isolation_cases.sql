-- Tables of tenants with known answers, written down before anything was run. Run as role postgres on a Supabase-shaped database
-- whose platform grants everything (grant regime AUTOMATIC). All are empty but for the membership table
-- and where it says otherwise.
--
-- `--= relation READ WRITE` holds the answers to SELECT, INSERT, UPDATE, DELETE as `authenticated` at both levels of the probe; a third
-- and fourth word, where they stand, those as `anon` (else: blocked wherever there is a grant).
--   b blocked   L leak   u leak of statements without a condition   f leak by forged user_metadata   s blocked, rows of nobody are shared
--   ? inconclusive   - not granted, so not tried

create type public.tier as enum ('free', 'pro');
create domain public.slug as text check (value ~ '^[a-z0-9-]+$');
create domain public.currency as text not null check (value ~ '^[A-Z]{3}$');
create schema private;
create function private.own_tenant() returns uuid language sql stable set search_path = '' return ((select auth.jwt()) ->> 'tenant_id')::uuid;
-- nobody but postgres may name what is in `private`; policies that do were resolved when they were made
grant execute on function private.own_tenant() to authenticated, anon;

--= public.members bbbb bbbb
create table public.members (tenant_id uuid not null, user_id uuid not null, primary key (tenant_id, user_id));
alter table public.members enable row level security;
create policy own on public.members for select to authenticated using (user_id = (select auth.uid()));
insert into public.members values
  ('11111111-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000001'),
  ('22222222-0000-4000-8000-000000000002', 'bbbbbbbb-0000-4000-8000-000000000002');

-- -- as known from practice -----------------------------------------------------------------------------------------------------------

--= public.good bbbb bbbb
create table public.good (id bigint generated always as identity primary key, tenant_id uuid not null, body text);
alter table public.good enable row level security;
create policy own on public.good to authenticated using (tenant_id = private.own_tenant()) with check (tenant_id = private.own_tenant());

--= public.without_rls LLLL LLLL LLLL LLLL
create table public.without_rls (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);

--= public.without_grant ---- ---- ---- ----
create table public.without_grant (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
revoke all on public.without_grant from anon, authenticated;

--= public.without_policy bbbb bbbb
create table public.without_policy (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.without_policy enable row level security;

--= public.read_by_all Lbbb Lbbb Lbbb Lbbb
create table public.read_by_all (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.read_by_all enable row level security;
create policy reading on public.read_by_all for select using (true);
create policy own on public.read_by_all to authenticated using (tenant_id = private.own_tenant());

--= public.inserted_by_all bLbb bLbb
create table public.inserted_by_all (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.inserted_by_all enable row level security;
create policy reading on public.inserted_by_all for select to authenticated using (tenant_id = private.own_tenant());
create policy adding on public.inserted_by_all for insert to authenticated with check (true);

--= public.handed_over bbub bbub
create table public.handed_over (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.handed_over enable row level security;
create policy reading on public.handed_over for select to authenticated using (tenant_id = private.own_tenant());
create policy changing on public.handed_over for update to authenticated using (tenant_id = private.own_tenant()) with check (true);

--= public.handed_over_and_seen LbLb LbLb
create table public.handed_over_and_seen (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.handed_over_and_seen enable row level security;
create policy reading on public.handed_over_and_seen for select to authenticated using (true);
create policy changing on public.handed_over_and_seen for update to authenticated using (tenant_id = private.own_tenant()) with check (true);

--= public.restricted bbbb bbbb
create table public.restricted (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.restricted enable row level security;
create policy anybody on public.restricted to authenticated using (true);
create policy only_own on public.restricted as restrictive to authenticated using (tenant_id = private.own_tenant());

--= public.hard_to_fill bbbb bbbb
create table public.hard_to_fill (
  id bigint generated always as identity primary key,
  tenant_id uuid not null,
  good_id bigint not null references public.good (id) on delete cascade,
  kind public.tier not null,
  path public.slug not null,
  price_in public.currency not null,
  amount numeric(6, 2) not null check (amount between 10 and 20),
  state text not null check (state in ('new', 'done')),
  code varchar(8) not null unique,
  tags text[] not null,
  during tstzrange not null,
  document jsonb not null,
  doubled numeric generated always as (amount * 2) stored,
  created_by uuid not null references auth.users (id)
);
alter table public.hard_to_fill enable row level security;
create policy own on public.hard_to_fill to authenticated using (tenant_id = private.own_tenant());
create function public.refuse() returns trigger language plpgsql as $f$ begin raise exception 'the trigger ran'; end $f$;
create trigger refuse before insert or update or delete on public.hard_to_fill for each row execute function public.refuse();

--= public.by_membership bbbb bbbb
create table public.by_membership (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.by_membership enable row level security;
create policy own on public.by_membership to authenticated using (exists (
  select from public.members as m where m.tenant_id = by_membership.tenant_id and m.user_id = (select auth.uid())));

--= public.by_user_metadata ffff ffff
create table public.by_user_metadata (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.by_user_metadata enable row level security;
create policy own on public.by_user_metadata to authenticated using (tenant_id = (auth.jwt() #>> '{user_metadata,tenant_id}')::uuid);

--= public.with_unknown_setting ???? ????
create table public.with_unknown_setting (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.with_unknown_setting enable row level security;
create policy own on public.with_unknown_setting to authenticated using (tenant_id = current_setting('app.tenant')::uuid);

--= public.with_shared_rows ssss ssss
create table public.with_shared_rows (id uuid primary key default gen_random_uuid(), tenant_id uuid);
alter table public.with_shared_rows enable row level security;
create policy own on public.with_shared_rows to authenticated using (tenant_id is null or tenant_id = private.own_tenant());

-- -- as many again --------------------------------------------------------------------------------------------------------------------

create function private.tenants_of_caller() returns setof uuid language sql stable security definer set search_path = ''
  as $f$ select m.tenant_id from public.members as m where m.user_id = (select auth.uid()) $f$;
create function public.is_member(tenant uuid) returns boolean language sql stable set search_path = ''
  as $f$ select exists (select from public.members as m where m.tenant_id = tenant and m.user_id = (select auth.uid())) $f$;
create function private.has_members(tenant uuid) returns boolean language sql stable security definer set search_path = ''
  as $f$ select exists (select from public.members as m where m.tenant_id = tenant) $f$;
grant execute on all functions in schema private to authenticated;

--= public.by_definer bbbb bbbb
create table public.by_definer (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.by_definer enable row level security;
create policy own on public.by_definer to authenticated using (tenant_id in (select private.tenants_of_caller()));

--= public.by_invoker bbbb bbbb
create table public.by_invoker (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.by_invoker enable row level security;
create policy own on public.by_invoker to authenticated using (public.is_member(tenant_id));

--= public.by_forgetful_definer LLLL LLLL
create table public.by_forgetful_definer (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.by_forgetful_definer enable row level security;
create policy own on public.by_forgetful_definer to authenticated using (private.has_members(tenant_id));

--= public.refused_function bbbb bbbb
create function private.for_nobody(tenant uuid) returns boolean language sql stable as 'select true';
revoke execute on function private.for_nobody(uuid) from public, anon, authenticated;
create table public.refused_function (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.refused_function enable row level security;
create policy own on public.refused_function to authenticated using (private.for_nobody(tenant_id));

--= public.restricted_reading bLuu bLuu
create table public.restricted_reading (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.restricted_reading enable row level security;
create policy anybody on public.restricted_reading to authenticated using (true);
create policy only_own on public.restricted_reading as restrictive for select to authenticated using (tenant_id = private.own_tenant());

--= public.parted bbbb bbbb
--= public.parted_open LLLL LLLL LLLL LLLL
--= public.parted_shut bbbb bbbb
create table public.parted (id uuid not null default gen_random_uuid(), tenant_id uuid not null, region text not null) partition by list (region);
create table public.parted_open partition of public.parted for values in ('eu');
create table public.parted_shut partition of public.parted for values in ('us');
alter table public.parted enable row level security;
alter table public.parted_shut enable row level security;
create policy own on public.parted to authenticated using (tenant_id = private.own_tenant());

--= public.view_of_owner ?--- L--- ?--- L---
create view public.view_of_owner as select id, tenant_id from public.by_definer;
--= public.view_of_invoker b--- b---
create view public.view_of_invoker with (security_invoker = true) as select id, tenant_id from public.good;
--= public.view_that_filters ?--- b--- ?--- b---
create view public.view_that_filters as select id, tenant_id from public.good where tenant_id = private.own_tenant();

--= public.columns_granted LbL- LbL- ---- ----
create table public.columns_granted (id uuid primary key default gen_random_uuid(), tenant_id uuid not null default private.own_tenant(), body text);
alter table public.columns_granted enable row level security;
create policy anybody on public.columns_granted to authenticated using (true) with check (true);
revoke all on public.columns_granted from anon, authenticated;
grant select (id, body), insert (id, body), update (body) on public.columns_granted to authenticated;

--= public.tenant_not_granted b-b- b-b- ---- ----
create table public.tenant_not_granted (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, body text);
alter table public.tenant_not_granted enable row level security;
create policy reading on public.tenant_not_granted for select to authenticated using (tenant_id = private.own_tenant());
create policy changing on public.tenant_not_granted for update to authenticated using (tenant_id = private.own_tenant()) with check (true);
revoke all on public.tenant_not_granted from anon, authenticated;
grant select, update (body) on public.tenant_not_granted to authenticated;

--= public.per_command bbbb bbbb
create table public.per_command (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.per_command enable row level security;
create policy reading on public.per_command for select to authenticated using (tenant_id = private.own_tenant());
create policy adding on public.per_command for insert to authenticated with check (tenant_id = private.own_tenant());
create policy changing on public.per_command for update to authenticated using (tenant_id = private.own_tenant());
create policy deleting on public.per_command for delete to authenticated using (tenant_id = private.own_tenant());

--= public.deleted_by_all bbbu bbbu
create table public.deleted_by_all (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.deleted_by_all enable row level security;
create policy own on public.deleted_by_all to authenticated using (tenant_id = private.own_tenant());
create policy deleting on public.deleted_by_all for delete to authenticated using (true);

--= public.taken_over bbub bbub
create table public.taken_over (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.taken_over enable row level security;
create policy reading on public.taken_over for select to authenticated using (tenant_id = private.own_tenant());
create policy changing on public.taken_over for update to authenticated using (true) with check (tenant_id = private.own_tenant());

--= public.changing_nothing Lbbb Lbbb
-- without USING, a policy for UPDATE lets nobody touch a row
create table public.changing_nothing (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.changing_nothing enable row level security;
create policy reading on public.changing_nothing for select to authenticated using (true);
create policy changing on public.changing_nothing for update to authenticated with check (true);

--= public.open_to_visitors bbbb bbbb Lbbb Lbbb
create table public.open_to_visitors (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.open_to_visitors enable row level security;
create policy own on public.open_to_visitors to authenticated using (tenant_id = private.own_tenant());
create policy visitors on public.open_to_visitors for select to anon using (true);

--= public.open_without_claims LLLL LLLL LLLL LLLL
create table public.open_without_claims (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.open_without_claims enable row level security;
create policy own on public.open_without_claims using (tenant_id = coalesce(private.own_tenant(), tenant_id));

--= public.of_text bbbb bbbb
create table public.of_text (tenant_id text not null, name text not null, primary key (tenant_id, name));
alter table public.of_text enable row level security;
create policy own on public.of_text to authenticated using (tenant_id = (auth.jwt() ->> 'tenant_id'));

--= public.of_bigint bbbb bbbb
create table public.of_bigint (
  tenant_id bigint not null, no integer not null, parent integer, primary key (tenant_id, no),
  foreign key (tenant_id, parent) references public.of_bigint (tenant_id, no)
);
alter table public.of_bigint enable row level security;
create policy own on public.of_bigint to authenticated using (tenant_id = (auth.jwt() ->> 'tenant_id')::bigint);

--= public.of_json_number bbbb bbbb
create table public.of_json_number (id serial primary key, tenant_id integer not null);
alter table public.of_json_number enable row level security;
create policy own on public.of_json_number to authenticated using (tenant_id = ((auth.jwt() -> 'tenant_id'))::integer);

--= public.any_integer LLLL LLLL
create table public.any_integer (id serial primary key, tenant_id integer not null);
alter table public.any_integer enable row level security;
create policy own on public.any_integer to authenticated using (tenant_id > 0);

--= public.default_of_claims bbbb bbbb
create table public.default_of_claims (id uuid primary key default gen_random_uuid(), tenant_id uuid not null default private.own_tenant());
alter table public.default_of_claims enable row level security;
create policy own on public.default_of_claims to authenticated using (tenant_id = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant_id')::uuid);

--= public.stamped b?bb bbbb
create table public.stamped (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.stamped enable row level security;
create policy reading on public.stamped for select to authenticated using (tenant_id = private.own_tenant());
create policy adding on public.stamped for insert to authenticated with check (true);
create function public.stamp() returns trigger language plpgsql as $f$ begin new.tenant_id := (auth.jwt() ->> 'tenant_id')::uuid; return new; end $f$;
create trigger stamp before insert on public.stamped for each row execute function public.stamp();

--= public.guarded b?bb b?bb
create table public.guarded (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.guarded enable row level security;
create policy reading on public.guarded for select to authenticated using (tenant_id = private.own_tenant());
create policy adding on public.guarded for insert to authenticated with check (true);
create function public.guard() returns trigger language plpgsql as $f$
begin
  if new.tenant_id <> (auth.jwt() ->> 'tenant_id')::uuid then
    raise exception 'not yours';
  end if;
  return null;
end $f$;
create trigger guard after insert on public.guarded for each row execute function public.guard();

--= public.touched bLub bLub
create table public.touched (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, updated_at timestamptz not null default now());
alter table public.touched enable row level security;
create policy own on public.touched to authenticated using (tenant_id = private.own_tenant()) with check (true);
create function public.touch() returns trigger language plpgsql as $f$ begin new.updated_at := now(); return new; end $f$;
create trigger touch before insert or update on public.touched for each row execute function public.touch();

--= public.without_the_claim ???? ????
create table public.without_the_claim (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.without_the_claim enable row level security;
create policy own on public.without_the_claim to authenticated using (tenant_id = (auth.jwt() ->> 'organisation')::uuid);

--= public.cast_that_fails ???? ????
create table public.cast_that_fails (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.cast_that_fails enable row level security;
create policy own on public.cast_that_fails to authenticated using (tenant_id = (auth.jwt() ->> 'role')::uuid);

--= public.by_parent ???? ????
create table public.by_parent (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, good_id bigint references public.good (id));
alter table public.by_parent enable row level security;
create policy own on public.by_parent to authenticated using (exists (
  select from public.good as g where g.id = by_parent.good_id and g.tenant_id = private.own_tenant()));

--= public.by_generated_column bbbb bbbb
create table public.by_generated_column (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, tenant_text text generated always as (tenant_id::text) stored);
alter table public.by_generated_column enable row level security;
create policy own on public.by_generated_column to authenticated using (tenant_text = (auth.jwt() ->> 'tenant_id'));

--= public.booked bbbb bbbb
create table public.booked (
  no integer generated always as identity, tenant_id uuid not null, during tstzrange not null, kind public.tier not null,
  at date not null, exclude using gist (during with &&)
);
alter table public.booked enable row level security;
create policy own on public.booked to authenticated using (tenant_id = private.own_tenant() and kind = 'pro');

--= public.with_conditions bbbb bbbb
create table public.with_conditions (
  id uuid primary key default gen_random_uuid(), tenant_id uuid not null, archived boolean not null default false, active boolean not null,
  status text not null check (status in ('closed', 'open')), deleted_at timestamptz
);
alter table public.with_conditions enable row level security;
create policy own on public.with_conditions to authenticated
  using (tenant_id = private.own_tenant() and active and not archived and status = 'open' and deleted_at is null);

--= public.with_public_rows Lbbb Lbbb
create table public.with_public_rows (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, is_public boolean not null default false);
alter table public.with_public_rows enable row level security;
create policy own on public.with_public_rows to authenticated using (tenant_id = private.own_tenant());
create policy published on public.with_public_rows for select to authenticated using (is_public);

--= public.never_public bbbb bbbb
create table public.never_public (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, is_public boolean not null default false check (not is_public));
alter table public.never_public enable row level security;
create policy own on public.never_public to authenticated using (tenant_id = private.own_tenant() or is_public);

--= public.never_ownerless bbbb bbbb
create table public.never_ownerless (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, owner_id uuid not null);
alter table public.never_ownerless enable row level security;
create policy own on public.never_ownerless to authenticated using (tenant_id = private.own_tenant() or owner_id is null);

--= public.of_one_user bbbb bbbb
create table public.of_one_user (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, user_id uuid not null);
alter table public.of_one_user enable row level security;
create policy own on public.of_one_user to authenticated using (tenant_id = private.own_tenant() and user_id = (select auth.uid()));

--= public.wrong_way_round LLLL LLLL
create table public.wrong_way_round (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.wrong_way_round enable row level security;
create policy own on public.wrong_way_round to authenticated using (tenant_id <> private.own_tenant());

--= public.shared_to_read sbbb sbbb
create table public.shared_to_read (id uuid primary key default gen_random_uuid(), tenant_id uuid);
alter table public.shared_to_read enable row level security;
create policy own on public.shared_to_read to authenticated using (tenant_id = private.own_tenant());
create policy shared on public.shared_to_read for select to authenticated using (tenant_id is null);

--= public.whole_row bbbb bbbb
create table public.whole_row (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
create function public.is_own(r public.whole_row) returns boolean language sql stable as $f$ select r.tenant_id = (auth.jwt() ->> 'tenant_id')::uuid $f$;
alter table public.whole_row enable row level security;
create policy own on public.whole_row to authenticated using (public.is_own(whole_row));

--= public.open_to_newcomers LLLL LLLL
-- whoever has signed up, and was given no tenant, sees all of them
create table public.open_to_newcomers (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.open_to_newcomers enable row level security;
create policy own on public.open_to_newcomers to authenticated using (tenant_id = coalesce(private.own_tenant(), tenant_id));

--= public.of_tenant_or_author bLLb bLLb
create table public.of_tenant_or_author (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, created_by uuid not null);
alter table public.of_tenant_or_author enable row level security;
create policy own on public.of_tenant_or_author to authenticated using (tenant_id = private.own_tenant() or created_by = (select auth.uid()));

-- with rows of two tenants
--= public.parents bbbb bbbb
create table public.parents (id uuid primary key, tenant_id uuid not null, unique (tenant_id, id));
alter table public.parents enable row level security;
create policy own on public.parents to authenticated using (tenant_id = (auth.jwt() ->> 'tenant_id')::uuid);
insert into public.parents values
  ('11111111-0000-4000-8000-0000000000aa', '11111111-0000-4000-8000-000000000001'),
  ('22222222-0000-4000-8000-0000000000bb', '22222222-0000-4000-8000-000000000002');

--= public.children bLLb bLLb
-- nothing keeps a child of the caller's own parent from being written for another tenant
create table public.children (id uuid primary key, tenant_id uuid not null, parent_id uuid not null references public.parents (id));
alter table public.children enable row level security;
create policy own on public.children to authenticated using (exists (
  select from public.parents as p where p.id = children.parent_id and p.tenant_id = (auth.jwt() ->> 'tenant_id')::uuid));
insert into public.children select gen_random_uuid(), tenant_id, id from public.parents;

--= public.tied_children bbbb bbbb
create table public.tied_children (
  id uuid primary key, tenant_id uuid not null, parent_id uuid not null,
  foreign key (tenant_id, parent_id) references public.parents (tenant_id, id)
);
alter table public.tied_children enable row level security;
create policy own on public.tied_children to authenticated using (exists (
  select from public.parents as p where p.id = tied_children.parent_id and p.tenant_id = (auth.jwt() ->> 'tenant_id')::uuid));
insert into public.tied_children select gen_random_uuid(), tenant_id, id from public.parents;

--= public.events bbbb bbbb
-- a copy of a row must go into a partition that there is: where none takes it, that says nothing about policies
create table public.events (
  id uuid not null default gen_random_uuid(), tenant_id uuid not null, at timestamptz not null, primary key (id, at)
) partition by range (at);
create table public.events_2026 partition of public.events for values from ('2026-01-01') to ('2027-01-01');
revoke all on public.events_2026 from anon, authenticated;
alter table public.events enable row level security;
create policy own on public.events to authenticated using (tenant_id = private.own_tenant());
insert into public.events (tenant_id, at) select tenant_id, '2026-02-03' from public.members;

-- -- open by what stands in another column, or in the claims that callers write themselves ------------------------------------------------

--= public.in_public_states Lbbb Lbbb
create table public.in_public_states (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, status text not null default 'draft');
alter table public.in_public_states enable row level security;
create policy own on public.in_public_states to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.in_public_states for select to authenticated using (status in ('published', 'shared'));

--= public.old_rows Lbbb Lbbb
create table public.old_rows (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, created_at timestamptz not null default now());
alter table public.old_rows enable row level security;
create policy own on public.old_rows to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.old_rows for select to authenticated using (created_at < now() - interval '30 days');

--= public.coming_rows Lbbb Lbbb
create table public.coming_rows (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, starts_at timestamptz not null default now());
alter table public.coming_rows enable row level security;
create policy own on public.coming_rows to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.coming_rows for select to authenticated using (starts_at > now());

--= public.low_levels Lbbb Lbbb
create table public.low_levels (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, level integer not null default 9);
alter table public.low_levels enable row level security;
create policy own on public.low_levels to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.low_levels for select to authenticated using (level < 3);

--= public.of_one_tier Lbbb Lbbb
create table public.of_one_tier (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, tier public.tier not null default 'free');
alter table public.of_one_tier enable row level security;
create policy own on public.of_one_tier to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.of_one_tier for select to authenticated using (tier = any (array['pro']::public.tier[]));

--= public.tagged_public Lbbb Lbbb
create table public.tagged_public (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, tags text[] not null default '{}');
alter table public.tagged_public enable row level security;
create policy own on public.tagged_public to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.tagged_public for select to authenticated using ('public' = any (tags));

--= public.public_by_setting Lbbb Lbbb
create table public.public_by_setting (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, settings jsonb not null default '{}');
alter table public.public_by_setting enable row level security;
create policy own on public.public_by_setting to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.public_by_setting for select to authenticated using ((settings ->> 'public')::boolean);

--= public.visible_by_setting Lbbb Lbbb
create table public.visible_by_setting (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, settings jsonb not null default '{}');
alter table public.visible_by_setting enable row level security;
create policy own on public.visible_by_setting to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.visible_by_setting for select to authenticated using (settings ->> 'visibility' = 'all');

--= public.of_one_domain Lbbb Lbbb
create table public.of_one_domain (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, mail varchar(40));
alter table public.of_one_domain enable row level security;
create policy own on public.of_one_domain to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.of_one_domain for select to authenticated using (mail like '%@example.com');

--= public.to_forged_flags fbbb fbbb
create table public.to_forged_flags (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, body text);
alter table public.to_forged_flags enable row level security;
create policy own on public.to_forged_flags to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.to_forged_flags for select to authenticated using (((auth.jwt() -> 'user_metadata') ->> 'is_admin')::boolean);

--= public.to_forged_roles fbbb fbbb
create table public.to_forged_roles (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, body text);
alter table public.to_forged_roles enable row level security;
create policy own on public.to_forged_roles to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.to_forged_roles for select to authenticated using (auth.jwt() #>> '{user_metadata,role}' = 'admin');

--= public.never_published bbbb bbbb
create table public.never_published (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, status text not null check (status in ('draft', 'gone')));
alter table public.never_published enable row level security;
create policy own on public.never_published to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.never_published for select to authenticated using (status in ('published', 'shared'));

--= public.never_old bbbb bbbb
create table public.never_old (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, created_at timestamptz not null check (created_at > '2020-01-01'));
alter table public.never_old enable row level security;
create policy own on public.never_old to authenticated using (tenant_id = private.own_tenant());
create policy shown on public.never_old for select to authenticated using (created_at < '2019-01-01');

--= public.owned LLLL LLLL
--= public.owned_and_forced bbbb bbbb
create table public.owned (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
create table public.owned_and_forced (id uuid primary key default gen_random_uuid(), tenant_id uuid not null);
alter table public.owned enable row level security;
alter table public.owned_and_forced enable row level security, force row level security;
create policy own on public.owned to authenticated using (tenant_id = private.own_tenant());
create policy own on public.owned_and_forced to authenticated using (tenant_id = private.own_tenant());
-- the tests give both to `authenticated`, which takes a superuser
