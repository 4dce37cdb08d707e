-- Something of every kind that the catalogue queries read, in forms that PostgreSQL 14 to 18 all know.
-- Run by a superuser in an empty database; roles belong to the cluster, so they are made only once.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['fixture_owner', 'fixture_reader', 'fixture_writer', 'fixture login'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I', wanted);
        end if;
    end loop;
end
$$;
alter role "fixture login" login noinherit;
alter role fixture_reader set statement_timeout = '3s';
alter role fixture_reader set work_mem = '8MB';
do $$
begin
    execute format('alter database %I set app.theme = %L', current_database(), 'dark');
end
$$;
grant fixture_reader to fixture_writer;
grant fixture_writer to "fixture login" with admin option;

-- 15 changed who owns and who may create in schema public
alter schema public owner to pg_database_owner;
revoke create on schema public from public;

create schema app authorization fixture_owner;
comment on schema app is 'the application''s own';
create schema "Odd ""Schema"".x";
create schema extensions;
create schema storage;
grant usage on schema app to fixture_reader, fixture_writer;
grant usage on schema "Odd ""Schema"".x" to fixture_reader with grant option;

create extension citext schema extensions;
create extension pg_trgm schema extensions;
create extension file_fdw schema extensions;

alter default privileges for role fixture_owner in schema app grant select on tables to fixture_reader;
alter default privileges for role fixture_owner revoke execute on functions from public;
alter default privileges for role fixture_owner in schema app grant usage on sequences to fixture_writer with grant option;
alter default privileges for role fixture_owner grant usage on types to fixture_reader;
alter default privileges for role fixture_owner grant usage on schemas to fixture_reader;

set role fixture_owner;

create type app.mood as enum ('sad', 'it''s ok', 'Happy');
create type app.pair as (left_part integer, "Right Part" text);
create type app.span as range (subtype = numeric);
create domain app.short_code as character varying(8) default 'x' not null
    constraint upper_only check (value = upper(value)) constraint listed check (value in ('A', 'B'));
comment on domain app.short_code is 'a domain';

create table app.tenants (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    slug text collate "C" not null unique,
    created_at timestamptz not null default now(),
    founded date default '2020-02-03'
);
comment on table app.tenants is 'who pays';
comment on column app.tenants.slug is 'in the address';

create table app.users (
    id bigint generated always as identity primary key,
    legacy_id serial,
    tenant_id uuid not null references app.tenants (id) on delete cascade,
    email text not null,
    email_lower text generated always as (lower(email)) stored,
    doomed integer,
    mood app.mood default 'Happy',
    code app.short_code,
    pair app.pair,
    tags text[] default '{}',
    status character varying(10) check (status in ('new', 'old')),
    age integer constraint adult check (age >= 18) no inherit,
    balance numeric(12, 2) default 0,
    unique (tenant_id, email),
    constraint deferred_email unique (email_lower) deferrable initially deferred
);
alter table app.users drop column doomed;
comment on constraint adult on app.users is 'by law';
alter table app.users add constraint later check (balance > -100) not valid;
create index users_by_mood on app.users (mood, lower(email) desc) include (age) where status in ('new', 'old');
comment on index app.users_by_mood is 'for the list';
create index users_by_tags on app.users using gin (tags);

create table app."Order Items" (
    "Order" bigint not null,
    "Line.No" integer not null,
    "quote""d" text,
    user_id bigint references app.users (id) on update restrict on delete set null deferrable,
    primary key ("Order", "Line.No")
) with (fillfactor = 80, autovacuum_enabled = false);

create table app.bookings (
    room integer,
    during tsrange,
    exclude using gist (during with &&)
);

create table app.base_note (id integer primary key, body text check (body <> ''));
create table app.child_note (extra text) inherits (app.base_note);
create unlogged table app.scratch (x integer);

create table app.events (
    id bigint not null,
    at timestamptz not null,
    user_id bigint references app.users (id),
    kind text check (kind in ('a', 'b')),
    primary key (id, at)
) partition by range (at);
create table app.events_2024 partition of app.events for values from ('2024-01-01') to ('2025-01-01');
create table app.events_2025 partition of app.events for values from ('2025-01-01') to ('2026-01-01') partition by hash (id);
create table app.events_2025_even partition of app.events_2025 for values with (modulus 2, remainder 0);
create table app.events_rest partition of app.events default;
create index events_by_user on app.events (user_id);
create table app.event_links (event_id bigint, event_at timestamptz, foreign key (event_id, event_at) references app.events (id, at));

create sequence app.ticket as integer start 10 increment 5 maxvalue 1000 cycle;

create view app.user_names as select id, email, mood from app.users where age > 18;
create view app.tenant_users with (security_barrier = true) as
    select t.name, u.email, count(*) over (partition by t.id) as members
    from app.tenants as t inner join app.users as u on u.tenant_id = t.id;
create view app.view_over_views as
    select n.email, t.name from app.user_names as n left join app.tenant_users as t using (email)
    union all select slug, name from app.tenants;
create view app.per_tenant as
    select tenant_id, count(*) as n, max(created_at) as latest
    from (select u.tenant_id, t.created_at from app.users u, app.tenants t where t.id = u.tenant_id) as joined
    group by tenant_id having count(*) > 1 order by 2 desc;
create view app.grouped as select users.mood, count(*) filter (where age > 20) as n from app.users group by mood;
create view app.correlated as
    select id, (select max(e.at) from app.events as e where e.user_id = users.id) as last_seen,
        exists (select 1 from app.tenants where tenants.id = users.tenant_id) as paid,
        users.*::text as whole, status in ('new', 'old') as known
    from app.users;
create view app.with_query as
    with recent as (select * from app.events where at > now() - interval '1 day')
    select recent.id, extract(epoch from recent.at) as epoch, substring(kind from 1 for 1) as initial from recent;
create view app.from_function as select g.n from generate_series(1, 3) as g (n);
-- forms that the majors print differently, or might
create table app.old (id integer, v text);
create table app.new (id integer, v text);
create view app.named_old as select * from app.old;
create view app.old_and_new as
    select old.v, new.v as w from app.old, app.new where old.id = new.id and exists (select 1 from app.old where old.v = new.v);
create view app.aliased_new as select new.q from (select id as q from app.old) as new where new.q > 1;
create view app.sampled as select users.id from app.users tablesample system (10);
create view app.rolled_up as select mood, count(*) as n, grouping(mood) as g from app.users group by rollup (mood), status;
create view app.newest as
    select u.id, l.at, row_number() over (partition by u.mood order by u.id rows between 1 preceding and current row) as n
    from app.users as u, lateral (select max(e.at) as at from app.events as e where e.user_id = u.id) as l;
create view app.counted as with recursive r as (select 1 as n union all select n + 1 from r where n < 10) select n from r;
create view app.listed as select * from (values (1, 'a'), (2, 'b')) as v (i, s);
create view app.combined as select id from app.users union select id from app.events where id > 1 group by id order by 1 limit 5;
create view app.paired as select a.id, b.id as other from app.users as a inner join app.users as b using (mood);
create view app.whole_row as select whole.name, whole from app.tenants as whole;
create view app.expressions as
    select case status when 'new' then 1 else 2 end as c, (tags)[1] as first_tag, coalesce(email, status) as e, array_agg(id order by id) as ids
    from app.users where id = any (array[1, 2]) and status in ('new', 'old') and (id, email) in (select id, v from app.old)
    group by users.id having count(*) > 1;
create materialized view app.totals as select mood, count(*) as n from app.users group by mood;
create unique index totals_key on app.totals (mood);
comment on view app.user_names is 'names';

create function app.add_up(a integer, b integer default 1) returns integer language sql immutable strict parallel safe
    as 'select a + b';
create function app.add_up(a text, variadic rest text[]) returns text language plpgsql stable security definer
    set search_path = pg_catalog, app set statement_timeout = '1s'
    as $f$ begin return a || array_to_string(rest, ','); end $f$;
comment on function app.add_up(integer, integer) is 'sum';
create function app.names_of(tenant uuid) returns table (name text, "E mail" text) language sql stable
    begin atomic
        select t.name, u.email from app.users as u inner join app.tenants as t on t.id = u.tenant_id where t.id = names_of.tenant;
    end;
create function app.emails() returns setof text language sql begin atomic select email from app.users where age > 20; end;
create function app.one() returns integer language sql return 1 + 1;
create procedure app.tidy(inout affected integer default 0) language plpgsql as $f$ begin affected := 1; end $f$;
create function app.keep_larger(state integer, next integer) returns integer language sql immutable as 'select greatest($1, $2)';
create aggregate app.largest(integer) (sfunc = app.keep_larger, stype = integer);
create function app.stamp() returns trigger language plpgsql as $f$ begin return new; end $f$;
create function app.no_drop() returns event_trigger language plpgsql as $f$ begin end $f$;
revoke execute on function app.add_up(text, text[]) from public;
grant execute on function app.add_up(text, text[]) to fixture_writer;

create trigger stamp_users before insert or update of email on app.users
    for each row when (new.status in ('new', 'old')) execute function app.stamp();
create trigger stamp_events after insert on app.events for each row execute function app.stamp();
create trigger truncated after truncate on app.scratch execute function app.stamp();
create trigger names_write instead of insert on app.user_names for each row execute function app.stamp();
alter table app.users enable always trigger stamp_users;
alter table app.scratch disable trigger truncated;
comment on trigger stamp_users on app.users is 'keeps time';

alter table app.users enable row level security;
alter table app.users force row level security;
alter table app.tenants enable row level security;
create policy "own rows" on app.users for select to fixture_reader, fixture_writer
    using (tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid);
create policy writers on app.users for insert with check (tenant_id in (select t.id from app.tenants as t where t.slug = users.email));
create policy strict on app.users as restrictive for all to public using (status in ('new', 'old')) with check (true);
create policy none_deleted on app.users for delete to fixture_writer using (false);
comment on policy strict on app.users is 'both';

grant select on app.users to fixture_reader;
grant update (email, mood) on app.users to fixture_writer with grant option;
grant select (name) on app.tenants to public;
grant all on app."Order Items" to fixture_writer;
revoke all on app.scratch from fixture_owner;

reset role;

create table "Odd ""Schema"".x"."Tabelle ü" ("a b" integer primary key, "ünïcode" text, email extensions.citext);
create view "Odd ""Schema"".x"."new" as select "a b" from "Odd ""Schema"".x"."Tabelle ü";
create index trigrams on "Odd ""Schema"".x"."Tabelle ü" using gin ("ünïcode" extensions.gin_trgm_ops);
-- indexes and keys whose text follows from their parts, and some whose text does not
create table app.indexed (
    "order" bigint, "Mixed Case" text, label character varying(20), code "char", numbers integer[], mood app.mood, place point,
    a integer, b integer, c integer, d integer, primary key ("order", "Mixed Case"), unique (label),
    constraint late unique (a, b) deferrable, constraint covering unique (c) include (d)
);
create index on app.indexed ("order" desc, a nulls first);
create index on app.indexed (label, "Mixed Case") where a > 1;
create index on app.indexed (label varchar_pattern_ops);
create index on app.indexed ("Mixed Case" collate "C");
create index on app.indexed (a, b, c, d);
create index on app.indexed (numbers);
create index on app.indexed (mood);
create index on app.indexed using hash (label);
create index on app.indexed using gist (place);
create index on app.indexed using brin (a) with (pages_per_range = 16);
create index on app.indexed (a) include ("Mixed Case", b) where case when a > 1 then true else b is null end;
create unique index "Index name" on app.indexed (lower("Mixed Case"), a);
create table app.referring (
    "order" bigint, part text, tenant uuid,
    constraint plain foreign key ("order", part) references app.indexed ("order", "Mixed Case") on update cascade,
    constraint whole foreign key ("order", part) references app.indexed match full on delete set default,
    constraint unchecked foreign key (tenant) references app.tenants deferrable initially deferred
);

create server files foreign data wrapper file_fdw;
create foreign table app.log_lines (line text) server files options (filename '/nowhere', format 'csv');

create table storage.buckets (id text primary key, name text not null, public boolean default false);
create table storage.objects (id uuid primary key, bucket_id text references storage.buckets (id), owner uuid);
insert into storage.buckets values ('avatars', 'avatars', true), ('invoices', 'invoices', false);
alter table storage.objects enable row level security;
create policy "avatars are public" on storage.objects for select to fixture_reader using (bucket_id = 'avatars');
create schema cron;
create table cron.job (
    jobid bigint generated always as identity primary key, schedule text not null, command text not null,
    nodename text not null default 'localhost', nodeport integer not null default 5432, database text not null default 'postgres',
    username text not null default current_user, active boolean not null default true, jobname text
);
grant usage on schema cron to public;
grant select on cron.job to public;
insert into cron.job (schedule, command, jobname, username) values
    ('0 3 * * *', 'vacuum app.users', 'nightly', 'fixture_owner'), ('* * * * *', 'select 1', null, 'fixture_owner'),
    ('* * * * *', 'select 1', null, 'fixture_owner');
create trigger audit_objects after delete on storage.objects for each row execute function app.stamp();

create event trigger guard_drop on sql_drop when tag in ('DROP TABLE', 'DROP SCHEMA') execute function app.no_drop();
alter event trigger guard_drop enable replica;
create event trigger watch_ddl on ddl_command_end execute function app.no_drop();

create publication everything for all tables with (publish = 'insert, update');
create publication two_tables for table app.tenants, app."Order Items";
