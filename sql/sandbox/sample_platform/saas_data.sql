-- Rows of saas-multitenant: four companies. Row n belongs to company n % 4; parents are taken modulo a multiple of 4.

insert into auth.users (id, email, raw_app_meta_data, created_at, updated_at)
select md5('saas user ' || n)::uuid, 'user' || n || '@saas.example', jsonb_build_object('tenant_id', md5('company ' || n % 4)::uuid), now(), now()
from generate_series(0, 39) as n;

insert into public.organizations (id, name) select md5('company ' || n)::uuid, 'Company ' || n from generate_series(0, 3) as n;
insert into public.plans (id, name, monthly_price) select md5('plan ' || n)::uuid, 'Plan ' || n, n * 10 from generate_series(0, 2) as n;
insert into public.currency_rates (code, rate) values ('EUR', 1), ('USD', 1.08), ('GBP', 0.86);
insert into public.memberships (tenant_id, user_id) select md5('company ' || n % 4)::uuid, md5('saas user ' || n)::uuid from generate_series(0, 39) as n;
insert into public.teams (tenant_id, id, name) select md5('company ' || n % 4)::uuid, md5('team ' || n)::uuid, 'Team ' || n from generate_series(0, 11) as n;
insert into public.team_members (tenant_id, team_id, user_id)
select md5('company ' || n % 4)::uuid, md5('team ' || n % 12)::uuid, md5('saas user ' || n)::uuid from generate_series(0, 39) as n;
insert into public.projects (tenant_id, id, team_id, name)
select md5('company ' || n % 4)::uuid, md5('project ' || n)::uuid, md5('team ' || n % 12)::uuid, 'Project ' || n from generate_series(0, 39) as n;
insert into public.boards (tenant_id, id, project_id, name)
select md5('company ' || n % 4)::uuid, md5('board ' || n)::uuid, md5('project ' || n % 40)::uuid, 'Board ' || n from generate_series(0, 79) as n;
insert into public."boardColumns" (tenant_id, "boardId", "sortOrder", title)
select b.tenant_id, b.id, n, (array['To do', 'Doing', 'Done'])[n] from public.boards as b cross join generate_series(1, 3) as n;
insert into public.sprints (tenant_id, id, project_id, during)
select md5('company ' || n % 4)::uuid, md5('sprint ' || n)::uuid, md5('project ' || n % 40)::uuid,
  daterange(date '2026-01-05' + 14 * (n / 40), date '2026-01-19' + 14 * (n / 40))
from generate_series(0, 119) as n;
insert into public.tasks (tenant_id, id, project_id, sprint_id, title, assignee, done)
select md5('company ' || n % 4)::uuid, md5('task ' || n)::uuid, md5('project ' || n % 40)::uuid, md5('sprint ' || n % 120)::uuid,
  'Task number ' || n, md5('saas user ' || n % 40)::uuid, n % 3 = 0
from generate_series(0, 1199) as n;
insert into public.task_dependencies (tenant_id, task_id, blocked_by)
select md5('company ' || n % 4)::uuid, md5('task ' || n)::uuid, md5('task ' || n - 4)::uuid from generate_series(4, 299) as n;
insert into public.tags (tenant_id, id, name) select md5('company ' || n % 4)::uuid, md5('tag ' || n)::uuid, 'tag-' || n from generate_series(0, 19) as n;
insert into public.task_tags (tenant_id, task_id, tag_id)
select md5('company ' || n % 4)::uuid, md5('task ' || n)::uuid, md5('tag ' || n % 20)::uuid from generate_series(0, 599) as n;
insert into public.labels (tenant_id, name, color)
select case when n > 3 then md5('company ' || n % 4)::uuid end, 'Label ' || n, '#00ff00' from generate_series(0, 23) as n;
insert into public.comments (tenant_id, task_id, is_public, body)
select md5('company ' || n % 4)::uuid, md5('task ' || n % 1200)::uuid, n % 10 = 0, 'A remark' from generate_series(0, 1499) as n;
insert into public.attachments (tenant_id, task_id, path)
select md5('company ' || n % 4)::uuid, md5('task ' || n)::uuid, 'files/' || n from generate_series(0, 199) as n;
insert into public.invites (tenant_id, email) select md5('company ' || n % 4)::uuid, 'guest' || n || '@example.org' from generate_series(0, 19) as n;
insert into public.time_entries (tenant_id, task_id, user_id, minutes)
select md5('company ' || n % 4)::uuid, md5('task ' || n % 1200)::uuid, md5('saas user ' || n % 40)::uuid, 15 + n % 120 from generate_series(0, 999) as n;
insert into public.documents (tenant_id, project_id, title)
select md5('company ' || n % 4)::uuid, md5('project ' || n % 40)::uuid, 'Page ' || n from generate_series(0, 199) as n;
insert into public.subscriptions (tenant_id, plan_id, seats) select md5('company ' || n)::uuid, md5('plan ' || n % 3)::uuid, 10 from generate_series(0, 3) as n;
insert into public.billing_events (tenant_id, payload) select md5('company ' || n % 4)::uuid, '{"type": "paid"}' from generate_series(0, 39) as n;
insert into public.notifications (tenant_id, user_id, body)
select md5('company ' || n % 4)::uuid, md5('saas user ' || n % 40)::uuid, 'Something is due' from generate_series(0, 399) as n;
insert into public."UserSettings" (tenant_id, "ownerId") select md5('company ' || n % 4)::uuid, md5('saas user ' || n)::uuid from generate_series(0, 39) as n;
insert into public."apiKeys" (tenant_id, "projectId", "keyHash")
select md5('company ' || n % 4)::uuid, md5('project ' || n)::uuid, sha256(('key ' || n)::bytea) from generate_series(0, 39) as n;
insert into public.activity (tenant_id, happened_at, verb)
select md5('company ' || n % 4)::uuid, '2026-01-01Z'::timestamptz + n * interval '1 hour', 'opened' from generate_series(0, 1999) as n;
insert into api.webhooks (tenant_id, url) select md5('company ' || n % 4)::uuid, 'https://hooks.example/' || n from generate_series(0, 7) as n;
insert into internal.jobs (tenant_id, kind) select md5('company ' || n % 4)::uuid, 'mail' from generate_series(0, 99) as n;
insert into public.feature_requests (tenant_id, title) select md5('company ' || n % 4)::uuid, 'Wish ' || n from generate_series(0, 39) as n;
refresh materialized view internal.minutes_per_project;
