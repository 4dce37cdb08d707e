-- saas-multitenant: project management for many companies. Mostly right, written by several people in several styles,
-- with some tenant faults. `FAULT` marks each one, with the rule that finds it; truth.yaml lists the same.
-- `clean` marks what only looks like a fault.
-- What the platform granted to client roles stays granted, to new tables as well: FAULT RLS013, FAULT RLS018, FAULT API007.

create extension pg_trgm with schema extensions;
create extension btree_gist with schema extensions;

create schema api;
comment on schema api is 'Exposed beside public.';
create schema internal;
comment on schema internal is 'Not exposed.';
grant usage on schema api to anon, authenticated, service_role;

create type public.member_role as enum ('owner', 'admin', 'member', 'guest');
create type public."taskPriority" as enum ('low', 'normal', 'urgent');
create domain public.hex_color as text check (value ~ '^#[0-9a-f]{6}$');

-- one row: a company, which is the tenant
create table public.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.organizations is 'platformkit:not-tenant-scoped it is the list of tenants itself';

-- one row: a price plan
create table public.plans (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  monthly_price numeric(8, 2) not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.plans is
  E'platformkit:not-tenant-scoped the same offer for everybody\nplatformkit:public-read the price page shows it to visitors';

-- one row: an exchange rate. FAULT TEN001: nobody said that it belongs to no tenant; clean for RLS005: public-read is declared
create table public.currency_rates (
  code char(3) primary key,
  rate numeric(12, 6) not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.currency_rates is 'platformkit:public-read published by the central bank';

-- one row: a user belongs to a company; declared as membership table
create table public.memberships (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.member_role not null default 'member',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, user_id)
);
create index memberships_user_idx on public.memberships (user_id);

-- one row: a group of members
create table public.teams (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

-- one row: a member of a team
create table public.team_members (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  team_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, team_id, user_id),
  foreign key (tenant_id, team_id) references public.teams (tenant_id, id) on delete cascade
);
create index team_members_user_idx on public.team_members (user_id);

-- one row: a project; its key contains the tenant
create table public.projects (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, team_id) references public.teams (tenant_id, id) on delete restrict
);
create index projects_team_idx on public.projects (team_id, tenant_id); -- clean for FKY003: the order of the columns does not matter

-- one row: a board of a project
create table public.boards (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  project_id uuid not null,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references public.projects (tenant_id, id) on delete cascade
);
create index boards_project_idx on public.boards (tenant_id, project_id);

-- one row: a column of a board
create table public."boardColumns" (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  "boardId" uuid not null,
  "sortOrder" integer not null default 0,
  title text not null,
  color public.hex_color not null default '#999999',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, "boardId") references public.boards (tenant_id, id) on delete cascade
);
create index "boardColumns_board_idx" on public."boardColumns" (tenant_id, "boardId");

-- one row: a span of work
create table public.sprints (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  project_id uuid not null,
  during daterange not null,
  created_at timestamptz not null default now(),
  updated_at timestamp not null default now(), -- FAULT AUD002: without time zone
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references public.projects (tenant_id, id) on delete cascade,
  exclude using gist (tenant_id with =, project_id with =, during with &&)
);
create index sprints_project_idx on public.sprints (tenant_id, project_id);

-- one row: something to do
create table public.tasks (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  project_id uuid not null,
  sprint_id uuid,
  parent_task_id uuid,
  title text not null,
  priority public."taskPriority" not null default 'normal',
  assignee uuid references auth.users (id) on delete set null,
  done boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references public.projects (tenant_id, id) on delete cascade,
  foreign key (tenant_id, sprint_id) references public.sprints (tenant_id, id) on delete restrict,
  foreign key (tenant_id, parent_task_id) references public.tasks (tenant_id, id) on delete cascade
);
create index tasks_project_idx on public.tasks (tenant_id, project_id, done);
create index tasks_sprint_idx on public.tasks (tenant_id, sprint_id);
create index tasks_parent_idx on public.tasks (tenant_id, parent_task_id);
create index tasks_assignee_idx on public.tasks (assignee);
create index tasks_title_idx on public.tasks using gin (title extensions.gin_trgm_ops);

-- one row: a task waits for another
create table public.task_dependencies (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  task_id uuid not null,
  blocked_by uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, task_id, blocked_by),
  foreign key (tenant_id, task_id) references public.tasks (tenant_id, id) on delete cascade,
  constraint task_dependencies_blocked_by_fkey foreign key (tenant_id, blocked_by) references public.tasks (tenant_id, id) -- FAULT FKY002
);
create index task_dependencies_blocked_by_idx on public.task_dependencies (tenant_id, blocked_by);

-- one row: a tag that tasks can carry
create table public.tags (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

-- one row: a task carries a tag. FAULT AUD001: no timestamps
create table public.task_tags (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  task_id uuid not null,
  tag_id uuid not null,
  primary key (tenant_id, task_id, tag_id),
  foreign key (tenant_id, task_id) references public.tasks (tenant_id, id) on delete cascade,
  foreign key (tenant_id, tag_id) references public.tags (tenant_id, id) on delete cascade
);
create index task_tags_tag_idx on public.task_tags (tenant_id, tag_id);

-- one row: a coloured label
create table public.labels (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid references public.organizations (id) on delete cascade, -- FAULT TEN002: may be null ("null means shared")
  name text not null,
  color public.hex_color not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index labels_tenant_idx on public.labels (tenant_id);

-- one row: a remark on a task. FAULT TEN003 (policy with an OR)
create table public.comments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  task_id uuid not null,
  is_public boolean not null default false,
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, task_id) references public.tasks (tenant_id, id) on delete cascade
);
create index comments_task_idx on public.comments (tenant_id, task_id);

-- one row: a file on a task. FAULT TEN003 (the helper is volatile and reads a setting that nobody verifies)
create table public.attachments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  task_id uuid not null,
  path text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, task_id) references public.tasks (tenant_id, id) on delete cascade
);
create index attachments_task_idx on public.attachments (tenant_id, task_id);

-- one row: a wish of a company. FAULT RLS001: made after the others and forgotten; the tenant model gives its policy
create table public.feature_requests (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  title text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index feature_requests_tenant_idx on public.feature_requests (tenant_id);

-- one row: somebody was asked to join. FAULT TEN003 (policy trusts user_metadata)
create table public.invites (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  email text not null,
  role public.member_role not null default 'member',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invites_tenant_idx on public.invites (tenant_id);

-- one row: time spent. FAULT TEN003, as UNKNOWN: membership is looked up in a table that nobody declared
create table public.time_entries (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  task_id uuid not null,
  user_id uuid not null references auth.users (id) on delete restrict,
  minutes integer not null check (minutes > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, task_id) references public.tasks (tenant_id, id) on delete cascade
);
create index time_entries_task_idx on public.time_entries (tenant_id, task_id);
create index time_entries_user_idx on public.time_entries (user_id);

-- one row: a page of text; its policy looks membership up in the declared table
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  project_id uuid not null,
  title text not null,
  body text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, project_id) references public.projects (tenant_id, id) on delete cascade
);
create index documents_project_idx on public.documents (tenant_id, project_id);

-- one row: what a company has booked. Declared critical: FAULT AUD003 (nobody knows who wrote it), FAULT AUD004 (nothing logs
-- what is deleted)
create table public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  plan_id uuid not null references public.plans (id) on delete restrict,
  seats integer not null check (seats > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index subscriptions_tenant_idx on public.subscriptions (tenant_id);
create index subscriptions_plan_idx on public.subscriptions (plan_id);

-- one row: a message from the payment provider; clean for TEN003: only service_role has a policy
create table public.billing_events (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index billing_events_tenant_idx on public.billing_events (tenant_id);

-- one row: something that a user should know; confined by a restrictive policy
create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index notifications_tenant_idx on public.notifications (tenant_id);
create index notifications_user_idx on public.notifications (user_id);

-- one row: how a user likes it
create table public."UserSettings" (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  "ownerId" uuid not null references auth.users (id) on delete cascade, -- FAULT FKY003, FAULT IDX001
  "colorScheme" text not null default 'auto',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index "UserSettings_tenant_idx" on public."UserSettings" (tenant_id);

-- one row: a key for machines (its hash)
create table public."apiKeys" (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  "projectId" uuid not null, -- FAULT FKY001: names public.projects, whose key is (tenant_id, id)
  "keyHash" bytea not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index "apiKeys_tenant_idx" on public."apiKeys" (tenant_id);

-- one row: something that happened; a partition per month
create table public.activity (
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  id bigint generated by default as identity,
  happened_at timestamptz not null,
  verb text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id, happened_at)
) partition by range (happened_at);
create table public.activity_2026_01 partition of public.activity for values from ('2026-01-01Z') to ('2026-02-01Z');
create table public.activity_2026_02 partition of public.activity for values from ('2026-02-01Z') to ('2026-03-01Z');
create table public.activity_2026_03 partition of public.activity for values from ('2026-03-01Z') to ('2026-04-01Z'); -- FAULT RLS001, FAULT RLS017: made by hand

-- one row: an address that is told about events. FAULT RLS004 and TEN003 (policy for DELETE)
create table api.webhooks (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  url text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index webhooks_tenant_idx on api.webhooks (tenant_id);

-- one row: a job to be done by a worker; clean for RLS001: not exposed
create table internal.jobs (
  id bigint generated always as identity primary key,
  tenant_id uuid not null references public.organizations (id) on delete cascade,
  kind text not null,
  payload jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index jobs_tenant_idx on internal.jobs (tenant_id);

-- The queue of the extension pgmq, with its messages, as it came out of a dump of the old project; the extension did not come.
create schema pgmq;
create schema pgmq_public;
comment on schema pgmq_public is 'Exposed beside public: what callers may do with queues.';
-- one row: a mail to be sent. FAULT API006: no row level security, and callers hold privileges
create table pgmq.q_mails (
  msg_id bigint generated always as identity primary key,
  read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(),
  vt timestamptz not null default now(),
  message jsonb
);
grant usage on schema pgmq, pgmq_public to authenticated, service_role;
grant select, insert, update, delete on pgmq.q_mails to authenticated, service_role;
create function pgmq_public.send_mail(message jsonb) returns bigint language sql volatile set search_path = '' as $body$
  insert into pgmq.q_mails (message) values (message) returning msg_id
$body$;

-- The claim, in one place.
create function public.current_tenant_id() returns uuid language sql stable set search_path = '' as $body$
  select (auth.jwt() ->> 'tenant_id')::uuid
$body$;

-- The same for tokens of the older sign-up, which carry it in app_metadata.
create function public.tenant_of_token() returns uuid language plpgsql stable set search_path = '' as $body$
begin
  return (auth.jwt() -> 'app_metadata' ->> 'tenant_id')::uuid;
end
$body$;

-- The same again, with a body that is bound when it is made.
create function internal.claimed_tenant() returns uuid language sql stable set search_path = ''
  return (auth.jwt() ->> 'tenant_id')::uuid;
grant usage on schema internal to authenticated;

-- Left from the time before tokens had claims: reads what the client says.
create function public.requested_tenant() returns uuid language sql volatile set search_path = '' as $body$
  select (nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-tenant')::uuid
$body$;

create function internal.set_updated_at() returns trigger language plpgsql set search_path = '' as $body$
begin
  new.updated_at := pg_catalog.now();
  return new;
end
$body$;

-- FAULT FUN006: the reason is there, and it stands in the Data API all the same
create function public.accept_invite(p_invite uuid) returns void language plpgsql security definer set search_path = '' as $body$
begin
  insert into public.memberships (tenant_id, user_id, role)
  select i.tenant_id, (select auth.uid()), i.role
  from public.invites as i
  where i.id = p_invite and i.email = (select auth.email())
  on conflict do nothing;
end
$body$;
comment on function public.accept_invite(uuid) is 'platformkit:definer who accepts is not a member yet and could not insert the row';
revoke all on function public.accept_invite(uuid) from public, anon;

create function public.search_tasks(p_text text) returns setof public.tasks language sql stable set search_path = public, extensions as $body$
  select * from public.tasks where title ilike '%' || p_text || '%'
$body$;
create function public.search_tasks(p_text text, p_project uuid) returns setof public.tasks
  language sql stable set search_path = public, extensions as $body$
  select * from public.tasks where project_id = p_project and title ilike '%' || p_text || '%'
$body$;

create view public.open_tasks with (security_invoker = true) as
  select tenant_id, id, project_id, title, priority from public.tasks where not done;
create view api.projects with (security_invoker = true) as
  select p.tenant_id, p.id, p.name, count(t.id) as tasks
  from public.projects as p
  left join public.tasks as t on t.tenant_id = p.tenant_id and t.project_id = p.id
  group by p.tenant_id, p.id;
create materialized view internal.minutes_per_project as
  select t.tenant_id, t.project_id, sum(e.minutes) as minutes
  from public.time_entries as e
  join public.tasks as t on t.tenant_id = e.tenant_id and t.id = e.task_id
  group by t.tenant_id, t.project_id;
