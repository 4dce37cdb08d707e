-- Beside `rich_catalogue.sql`: what a rebuild can stumble over. Odd names, objects that need one another, forms of inheritance
-- and of partitions, every state of a trigger, privileges that were taken from their owner. PostgreSQL 15 to 18.
-- Run by a superuser in an empty database of a server where it was not run before.

create role "Sink Owner";
create role "sink ""reader""" login;
create role sink_member in role "sink ""reader""";
alter role "Sink Owner" set search_path = "$user", "We""ird Schema", public;
alter role "sink ""reader""" set app.motto = 'it''s "fine", \ isn''t it';
alter role sink_member set search_path = '';

create schema "We""ird Schema" authorization "Sink Owner";
create schema "select";
comment on schema "select" is 'a reserved word; it''s "quoted" with \ in it';
grant create on schema "select" to "sink ""reader""" with grant option;
set search_path = '';

-- types that need one another, and functions
create type "We""ird Schema"."Type" as enum ('a b', 'c''d', '"e"', '');
create function "We""ird Schema"."is ok"("Value" text) returns boolean language sql immutable as $$ select $1 <> 'no' $$;
create domain "We""ird Schema".checked as text constraint "must be ok" check ("We""ird Schema"."is ok"(value)) default 'x''y' not null;
create type "We""ird Schema".pair as ("left" "We""ird Schema".checked, "Right" "We""ird Schema"."Type"[]);
create type "We""ird Schema".spans as range (subtype = "We""ird Schema"."Type");
create domain public.of_pair as "We""ird Schema".pair[];

-- names
create table "select"."table" (
    "select" integer primary key, "user" text not null default 'it''s', "Column With Spaces" "We""ird Schema".checked,
    "we""ird" "We""ird Schema"."Type" default 'c''d', "äöü" "We""ird Schema".pair, "end" timestamptz default '2020-01-01 00:00+00',
    "double" double precision default 'NaN', "bits" bit(3) default b'101', gone integer, "time" time(3) with time zone, "char" "char",
    "interval" interval day to second(2), words text[][] default array['a', 'b''c'], raw bytea default '\x00ff', doc jsonb default '{"a": "b''c"}',
    constraint "check" check ("select" > 0), constraint "we""ird check" check ("user" <> 'x' or "äöü" is null)
);
alter table "select"."table" drop column gone;
alter table "select"."table" add column "last" integer generated always as ("select" * 2) stored;
comment on table "select"."table" is e'two\nlines; and a semicolon -- no comment /* nor this';
comment on column "select"."table"."we""ird" is '$$ dollars $stand_in$';
create index "index" on "select"."table" ("user", lower("user") desc nulls last) where "select" > 1;
create unique index "we""ird index" on "select"."table" ("end") include ("double");
comment on index "select"."we""ird index" is 'index';
alter table "select"."table" add constraint "unique" unique ("user", "select") with (fillfactor = 70);
alter table "select"."table" replica identity using index "unique";

-- objects that need one another in a circle
create function public.next_number() returns integer language plpgsql as $f$ begin return (select count(*) from public.counted); end $f$;
create table public.counted (id integer default public.next_number(), other integer);
create function public.describe("row" public.counted) returns text language sql stable as 'select ("row").id::text';
create view public.described as select counted.id, public.describe(counted.*) as text from public.counted;
create function public.from_view() returns setof public.described language sql stable begin atomic select * from public.described; end;
create view public.from_function as select f.id from public.from_view() as f;
create function public.label(public.described) returns text language sql immutable as $$ select 'x' $$;
create table public.chicken (id integer primary key, egg integer);
create table public.egg (id integer primary key, chicken integer references public.chicken (id) deferrable);
alter table public.chicken add constraint hatched foreign key (egg) references public.egg (id) on delete set null (egg) not valid;
alter table public.chicken add constraint self foreign key (egg) references public.chicken (id) on update cascade;
create view public.by_key as select c.id, c.egg, count(*) as n from public.chicken as c join public.egg as e on e.chicken = c.id group by c.id;
create view public.renamed as select id as a, egg as b from public.chicken;
alter view public.renamed rename column a to "New Name";
alter view public.renamed alter column b set default 7;
comment on column public.renamed.b is 'of a view';
create materialized view public."Stored" with (fillfactor = 90) as select id, n from public.by_key with no data;
create unique index on public."Stored" (id);
create materialized view public.stored_over as select max(n) as most from public."Stored" with no data;

-- inheritance: of two parents, over two levels, with columns in another order, with checks of its own
create table public.parent_a (id integer not null, a text default 'a', constraint positive check (id > 0), constraint shared check (a <> ''));
create table public.parent_b (id integer, b text collate "C", g integer generated always as (1 + 1) stored);
create table public.child (c text, a text default 'child') inherits (public.parent_a, public.parent_b);
alter table public.child add constraint own check (c <> '');
create table public.grandchild (d text, constraint shared check (a <> '')) inherits (public.child);
create table public.late_child (z text, a text, id integer not null, constraint positive check (id > 0), constraint shared check (a <> ''));
alter table public.late_child inherit public.parent_a;
alter table public.parent_a add constraint not_for_children check (id < 1000) no inherit;

-- partitions: in other orders of columns, with names and indexes of their own, of three levels, foreign
create table public.events (id bigint not null, region text not null, at date not null, note text, constraint noted check (note <> ''))
    partition by list (region);
create table public."events of the EU" (note text constraint noted check (note <> ''), at date not null, gone integer, region text not null, id bigint not null);
alter table public."events of the EU" drop column gone;
create index "a name of its own" on public."events of the EU" (at);
alter table public."events of the EU" add constraint "its key" primary key (id, region, at);
alter table public."events of the EU" add constraint only_here check (id > 0);
alter table public.events attach partition public."events of the EU" for values in ('eu', 'it''s');
create table public.events_us partition of public.events for values in ('us') partition by range (at, id);
create table public.events_us_old partition of public.events_us for values from (minvalue, minvalue) to ('2020-01-01', 0);
create table public.events_us_new partition of public.events_us (note default 'new') for values from ('2020-01-01', 0) to (maxvalue, maxvalue);
create table public.events_rest partition of public.events default;
create index events_at on public.events (at);
create index events_note on public.events using hash (note);
create index only_eu on public."events of the EU" (note, at);
alter table public.events add primary key (id, region, at);
create table public.refers (event bigint, region text, at date, foreign key (event, region, at) references public.events (id, region, at) on delete cascade);
alter table public.events add column chicken integer references public.chicken (id);
alter table public.events_rest add constraint beside foreign key (chicken) references public.egg (id);
create table public.hashed (id integer generated by default as identity (sequence name public."its sequence" start 5 increment 5 cycle maxvalue 500), v text)
    partition by hash (id);
create table public.hashed_0 partition of public.hashed for values with (modulus 2, remainder 0);

-- sequences
create sequence public."Seq" as smallint increment -1 minvalue -5 maxvalue -1 start -2 cache 3 cycle;
create unlogged sequence public.fast;
create table public.served (n integer default nextval('public."Seq"'), m bigint generated always as identity, o bigserial);
alter sequence public."Seq" owned by public.served.n;
create unlogged table public.unlogged (id integer generated always as identity);
comment on sequence public.fast is 'fast';

-- triggers
create function public.fired() returns trigger language plpgsql as $f$ begin return coalesce(new, old); end $f$;
create trigger "With Arguments" after update of "user" on "select"."table" for each row when (old."user" is distinct from new."user")
    execute function public.fired('it''s', 'a b', '"c"');
create trigger with_tables after insert on public.counted referencing new table as "New Rows" for each statement execute function public.fired();
create constraint trigger deferred after insert or delete on public.chicken deferrable initially deferred for each row execute function public.fired();
create trigger on_partitions before insert on public.events for each row execute function public.fired();
create trigger on_one after insert on public.events_us_old for each row execute function public.fired();
create trigger instead_of instead of insert or update or delete on public.renamed for each row execute function public.fired();
create trigger is_replica before delete on public.counted execute function public.fired();
create trigger is_always before delete on public.counted execute function public.fired();
create trigger is_off before delete on public.counted execute function public.fired();
alter table public.counted enable replica trigger is_replica, enable always trigger is_always, disable trigger is_off;
comment on trigger is_off on public.counted is 'off';

-- policies
alter table public.chicken enable row level security;
alter table public.egg force row level security;
create policy "Policy ""1""" on public.chicken as restrictive for update to "sink ""reader""", "Sink Owner"
    using (id in (select e.chicken from public.egg as e where e.id = chicken.egg)) with check (public.next_number() = any (array[1, 2]));
create policy for_all on public.egg using (current_user <> 'it''s');
create policy to_insert on public.egg for insert to current_user with check (true);
comment on policy for_all on public.egg is 'all';

-- owners and privileges
alter table public.chicken owner to "Sink Owner";
alter view public.renamed owner to "Sink Owner";
alter materialized view public."Stored" owner to "Sink Owner";
alter table public.hashed owner to "Sink Owner";
alter type "We""ird Schema".pair owner to "Sink Owner";
alter function public.next_number() owner to "Sink Owner";
grant select, insert on public.chicken to "sink ""reader""" with grant option;
grant update (egg), references (egg) on public.chicken to public;
grant all on public.egg to public, sink_member;
revoke update, delete on public.chicken from "Sink Owner";
revoke all on public.counted from current_user;
revoke all on function public.next_number() from public;
grant execute on function public.next_number() to sink_member with grant option;
grant usage on sequence public.fast to sink_member;
create procedure public."Do It"(inout a integer, b text default 'it''s', variadic c text[] default '{}') language plpgsql as $f$ begin a := 1; end $f$;
revoke all on procedure public."Do It" from public;
alter default privileges for role "Sink Owner" revoke all on tables from "Sink Owner";
alter default privileges for role "Sink Owner" in schema "We""ird Schema" grant all on tables to public;
alter default privileges for role "Sink Owner" revoke usage on types from public;
alter default privileges for role "Sink Owner" grant all on sequences to "sink ""reader""" with grant option;

-- rules
create rule "No Delete" as on delete to public.counted do instead nothing;
create rule copied as on insert to public.counted where new.id > 1 do also insert into public.egg (id) values (new.id + length('it''s'));
create rule through as on update to public.described do instead update public.counted set id = new.id where counted.id = old.id returning old.id, 'x'::text;

-- aggregates
create aggregate public."Any"(*) (sfunc = int8inc, stype = int8, initcond = '0', parallel = safe);
create function public.fold(text[], text) returns text[] language sql immutable as 'select array_append($1, $2)';
create function public.unfold(text[]) returns text language sql immutable as $$ select array_to_string($1, '') $$;
create aggregate "select"."join"(words text) (
    sfunc = public.fold, stype = text[], finalfunc = public.unfold, initcond = '{it''s}', sspace = 64,
    msfunc = public.fold, minvfunc = public.fold, mstype = text[], mfinalfunc = public.unfold, minitcond = '{}'
);
create function public.pick(state internal, fraction float8) returns float8 language internal as 'percentile_cont_float8_final';
create aggregate public.percentile(float8 order by float8) (sfunc = ordered_set_transition, stype = internal, finalfunc = public.pick);
comment on aggregate public.percentile(float8 order by float8) is 'of a set';
grant execute on function public.percentile(float8, float8) to sink_member;
create aggregate public.smallest(integer) (sfunc = int4smaller, stype = integer, sortop = <, combinefunc = int4smaller, parallel = restricted);
alter aggregate public.smallest(integer) owner to "Sink Owner";
create view public.aggregated as
    select public.smallest(id) as s, public.percentile(0.5) within group (order by id::float8) as p, public."Any"(*) as n from public.chicken;

-- the rest
create function public.watch() returns event_trigger language plpgsql as $f$ begin end $f$;
create event trigger "Event Trigger" on ddl_command_end when tag in ('CREATE TABLE', 'ALTER TABLE') execute function public.watch();
alter event trigger "Event Trigger" enable always;
create publication "Some Tables" for table "select"."table", public.chicken with (publish = 'insert, truncate');
create publication of_root for table public.events with (publish_via_partition_root = true);
create publication empty;
alter publication "Some Tables" owner to "Sink Owner";
create extension postgres_fdw schema "select";
create foreign data wrapper "No Handler";
create server "Far Away" foreign data wrapper postgres_fdw options (host 'db.example', dbname 'it''s');
create server nowhere foreign data wrapper "No Handler";
create user mapping for "Sink Owner" server "Far Away" options (user 'me', password 'hunter2-hunter2');
create user mapping for public server nowhere;
create foreign table public.remote (id integer not null, "Text" text options (column_name 'text')) server "Far Away" options (table_name 'x');
create foreign table public.events_far partition of public.hashed for values with (modulus 2, remainder 1) server "Far Away";
do $f$
begin
    execute format('alter database %I set app.theme = %L', current_database(), 'dark');
    if current_setting('server_version_num')::integer >= 180000 then
        execute 'create table public.of_18 (id integer primary key, v integer generated always as (id * 2) virtual, w text constraint named not null,
                 constraint loose check (id > 0) not enforced)';
        execute 'create table public.periods (id int4range, valid daterange, primary key (id, valid without overlaps))';
        execute 'alter table public.of_18 add constraint loosely foreign key (id) references public.chicken (id) not enforced';
    end if;
end
$f$;
