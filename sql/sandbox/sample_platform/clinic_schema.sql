-- clinic-messy: a practice software as it grows under deadlines and half-read advice. Typical faults, planted on purpose.
-- `FAULT` marks each one, with the rule that finds it; truth.yaml lists the same. `clean` marks what only looks like one.
-- Three faults are nearly everywhere and are marked here alone: no trigger keeps updated_at (FAULT AUD005), a foreign key
-- between tenant tables does not carry the tenant (FAULT TEN004), and what the platform grants to client roles stays
-- granted, to new tables as well (FAULT RLS013, FAULT RLS018, FAULT API007).

create extension hstore with schema public version '1.4'; -- FAULT EXT001, FAULT EXT002: the version of an old guide
create extension citext with schema public; -- FAULT EXT001
create extension pg_trgm with schema extensions;

create schema reporting;

create type public.appointment_status as enum ('requested', 'confirmed', 'done', 'missed');
create domain public.phone_number as text check (value ~ '^[0-9 +/-]+$');

-- one row: a clinic, which is the tenant
create table public.clinics (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  settings public.hstore not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.clinics is 'platformkit:not-tenant-scoped it is the list of tenants itself';

-- one row: a patient. FAULT RLS001 RLS002: the policy was written, row level security was never switched on; so FAULT API002
create table public.patients (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  full_name text not null,
  email public.citext,
  phone public.phone_number,
  born_on date not null,
  created_at timestamp not null default now(), -- FAULT AUD002: without time zone
  updated_at timestamptz not null default now()
);
create index patients_tenant_idx on public.patients (tenant_id);
create index patients_by_clinic on public.patients (tenant_id); -- FAULT IDX003: the same again, so the other one can go

-- one row: a physician. FAULT TEN001, FAULT RLS005 (policy)
create table public.doctors (
  id uuid primary key default gen_random_uuid(),
  full_name text not null,
  home_address text,
  created_at timestamptz default now(), -- FAULT AUD002: may be null
  updated_at timestamptz default now() -- FAULT AUD002: may be null
);

-- one row: a medical specialty. FAULT RLS001, FAULT TEN001: shared by all, but nobody said so
create table public.specialties (
  id serial primary key,
  name text not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- one row: a doctor has a specialty. FAULT RLS003, FAULT TEN001, FAULT AUD001
create table public.doctor_specialties (
  doctor_id uuid not null references public.doctors (id), -- FAULT FKY002; clean for FKY003: leads the primary key
  specialty_id integer not null references public.specialties (id), -- FAULT FKY002, FAULT FKY003
  primary key (doctor_id, specialty_id)
);

-- one row: when a clinic is open; clean: public on purpose, and says so
create table public.opening_hours (
  id uuid primary key default gen_random_uuid(),
  clinic_id uuid not null references public.clinics (id) on delete cascade,
  weekday smallint not null check (weekday between 1 and 7),
  opens time not null,
  closes time not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index opening_hours_clinic_idx on public.opening_hours (clinic_id);
comment on table public.opening_hours is
  E'platformkit:public-read shown on the web site of every clinic\nplatformkit:not-tenant-scoped public information of all clinics';

-- one row: a place in a house. tenant_id is text: FAULT TEN002; and no index: FAULT IDX001
create table public.rooms (
  id bigint generated always as identity primary key,
  tenant_id text not null,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- one row: a machine in a room
create table public.equipment (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  room_id bigint, -- FAULT FKY001: names public.rooms, same type, no constraint
  inspection_id integer, -- clean: no such table
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index equipment_tenant_idx on public.equipment (tenant_id);

-- one row: a visit. FAULT RLS004 and TEN003 (policy "allow all")
create table public.appointments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  patient_id uuid not null references public.patients (id), -- FAULT FKY002
  doctor_id uuid not null references public.doctors (id) on delete restrict, -- FAULT FKY003
  status public.appointment_status not null default 'requested',
  starts_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index appointments_tenant_idx on public.appointments (tenant_id);
create index appointments_patient_idx on public.appointments (patient_id, starts_at);

-- one row: a bill. FAULT RLS004 and TEN003 (policy for INSERT)
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  patient_id uuid not null, -- FAULT FKY001
  total numeric(10, 2) not null,
  paid boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoices_tenant_idx on public.invoices (tenant_id);

-- one row: a line of a bill. FAULT RLS001, FAULT TEN001, FAULT AUD001
create table public.invoice_lines (
  id bigint generated always as identity primary key,
  invoice_id uuid not null references public.invoices (id) on delete cascade, -- FAULT FKY003
  description text not null,
  amount numeric(10, 2) not null
);

-- one row: something done to a patient; clean: the permissive policy is confined by a restrictive one
create table public.treatments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  patient_id uuid not null references public.patients (id) on delete restrict,
  description text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index treatments_tenant_idx on public.treatments (tenant_id);
create index treatments_patient_idx on public.treatments (patient_id);

-- one row: a prescribed medicine. FAULT TEN003, FAULT RLS006: the policy trusts user_metadata, which users edit themselves
create table public.prescriptions (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  patient_id uuid not null references public.patients (id) on delete cascade,
  medicine text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index prescriptions_tenant_idx on public.prescriptions (tenant_id);
create index prescriptions_patient_idx on public.prescriptions (patient_id);

-- one row: a measured value. FAULT RLS003: row level security without a policy
create table public.lab_results (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid references public.clinics (id) on delete cascade, -- FAULT TEN002: may be null
  patient_id uuid not null, -- FAULT FKY001
  analyte text not null,
  value numeric,
  created_at timestamp not null default now(), -- FAULT AUD002
  updated_at timestamp not null default now() -- FAULT AUD002
);
create index lab_results_tenant_idx on public.lab_results (tenant_id);

-- one row: somebody who works in a clinic. FAULT TEN001, FAULT IDX001 (user_id)
create table public.staff (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade, -- FAULT FKY003
  phone text references auth.users (phone) on delete set null, -- FAULT FKY005: a key that the platform does not promise
  is_admin boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index staff_phone_idx on public.staff (phone);

-- one row: a conversation. FAULT RLS001, FAULT TEN001, FAULT AUD001
create table public.chat_threads (
  id uuid primary key default gen_random_uuid(),
  "Subject" text not null
);

-- one row: a message in a conversation. FAULT TEN001, FAULT RLS004 (policy for DELETE), FAULT IDX001 (recipient)
create table public.chat_messages (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.chat_threads (id) on delete cascade,
  sender uuid not null,
  recipient uuid not null,
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index chat_messages_thread_idx on public.chat_messages (thread_id);
create index chat_messages_sender_idx on public.chat_messages (sender);
alter table public.chat_messages add constraint chat_messages_sender_fkey
  foreign key (sender) references auth.users (id) on delete cascade not valid; -- FAULT FKY004: the old rows were never looked at

-- one row: an insurance company; clean: a shared directory, and says so
create table public.insurance_companies (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.insurance_companies is 'platformkit:not-tenant-scoped the same directory for all clinics';

-- one row: a patient is insured. FAULT RLS001, FAULT TEN001
create table public.patient_insurances (
  id uuid primary key default gen_random_uuid(),
  "patientId" uuid not null, -- FAULT FKY001
  "insuranceCompanyId" uuid references public.insurance_companies (id) on delete set null,
  policy_number text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index patient_insurances_company_idx on public.patient_insurances ("insuranceCompanyId");

-- one row: an uploaded file. FAULT TEN001, FAULT RLS004 (policy id = id)
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  patient_id uuid references public.patients (id) on delete set null,
  path text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index documents_patient_idx on public.documents (patient_id);

-- one row: a patient who waits for a free date
create table public.waiting_list (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  "doctorId" uuid not null, -- FAULT FKY001
  patient_id uuid not null references public.patients (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index waiting_list_tenant_idx on public.waiting_list (tenant_id);
create index waiting_list_patient_idx on public.waiting_list (patient_id);

-- one row: a patient of the old system. FAULT RLS001, FAULT TEN001, FAULT AUD001, FAULT KEY001
create table public."Patients_OLD" (
  patient_no text,
  "Name" text,
  clinic_id text -- clean: names public.clinics, but that key is a uuid
);

-- one row: a setting. FAULT TEN001, FAULT RLS004 and RLS005 (two policies)
create table public.settings (
  key text primary key,
  value jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- one row: a measurement at the bedside
create table public.vital_signs (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  patient_id uuid not null references public.patients (id) on delete cascade,
  taken_at timestamptz not null,
  pulse smallint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id, taken_at)
) partition by range (taken_at);
create table public.vital_signs_2025 partition of public.vital_signs for values from ('2025-01-01Z') to ('2026-01-01Z'); -- FAULT RLS001, FAULT RLS017
create table public.vital_signs_2026 partition of public.vital_signs for values from ('2026-01-01Z') to ('2027-01-01Z');
create index vital_signs_patient_idx on public.vital_signs (patient_id, taken_at);
create index vital_signs_pulse_idx on only public.vital_signs (pulse); -- FAULT IDX005: those of the partitions were never made

-- one row: somebody did something. FAULT AUD001: no created_at, and a time without its zone; FAULT AUD006: the server rewrites it,
-- visitors may empty it
create table public.audit_events (
  id bigint generated always as identity primary key,
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  happened timestamp not null default now(),
  action text not null,
  entity_id uuid -- clean: no such table
);
create index audit_events_tenant_idx on public.audit_events (tenant_id);

-- one row: a line of an import. FAULT RLS001, FAULT TEN001, FAULT AUD001, FAULT KEY001
create unlogged table public.import_staging (
  line integer,
  raw text,
  parser regprocedure -- FAULT TYP001: a number that is another one after an upgrade of the server
);

-- one row: somebody who wants news. FAULT RLS004 (policy for INSERT)
create table public.newsletter_subscribers (
  id uuid primary key default gen_random_uuid(),
  email public.citext not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.newsletter_subscribers is 'platformkit:not-tenant-scoped visitors of the web site, before they belong to a clinic';

-- one row: what a user thinks of the software. FAULT RLS016 and TEN003 (policy for INSERT)
create table public.feedback (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index feedback_tenant_idx on public.feedback (tenant_id);

-- one row: a day's figures. FAULT TEN001; clean for RLS001: this schema is not exposed
create table reporting.daily_counts (
  day date primary key,
  appointments integer not null,
  created_at date not null default current_date, -- FAULT AUD002
  updated_at timestamptz not null default now()
);

-- one row: a file that the practice's own server made, which owns the table. FAULT RLS015: policies do not hold for it
create table reporting.exports (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.clinics (id) on delete cascade,
  path text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index exports_tenant_idx on reporting.exports (tenant_id);

-- The laboratory's old server, and its user's password, which no client may see. FAULT SEC010, as UNKNOWN: nor may the scan
create server old_laboratory foreign data wrapper postgres_fdw options (host 'laboratory.example', dbname 'laboratory');
do $mapping$
begin
  execute format(
    'create user mapping for public server old_laboratory options (user %L, password %L)',
    'reader', left(encode(sha256('old laboratory'), 'base64'), 20) -- nobody's: made up on the spot
  );
end
$mapping$;

-- FAULT RLS009: no policy can protect a foreign table
create foreign table public.old_lab_results (
  id bigint,
  analyte text,
  value numeric
) server old_laboratory;

-- FAULT FUN001 FUN004 FUN005: runs as its owner, with whatever search_path the caller has, says not why, and everybody may call it
create function public.is_admin() returns boolean language sql stable security definer as $body$
  select coalesce((select is_admin from staff where user_id = auth.uid()), false)
$body$;

-- FAULT FUN001 FUN004
create function public.handle_new_user() returns trigger language plpgsql security definer as $body$
begin
  insert into public.staff (user_id) values (new.id);
  return new;
end
$body$;

-- FAULT FUN002
create function public.touch_updated_at() returns trigger language plpgsql as $body$
begin
  new.updated_at = now();
  return new;
end
$body$;

-- FAULT FUN002
create function public.patient_age(date) returns integer language sql stable as $body$
  select extract(year from age($1))::integer
$body$;

-- two of one name: the first is clean, the second FAULT FUN004 (path fixed, reason missing) and FUN005
create function public.find_patient(p_name text) returns setof public.patients language sql stable set search_path = pg_catalog, public as $body$
  select * from public.patients where full_name ilike p_name || '%'
$body$;
create function public.find_patient(uuid) returns setof public.patients language sql stable security definer set search_path = '' as $body$
  select * from public.patients where id = $1
$body$;

-- clean: path fixed, reason given
create function reporting.count_appointments(p_day date) returns integer language sql stable security definer set search_path = '' as $body$
  select count(*)::integer from public.appointments where starts_at >= p_day and starts_at < p_day + 1
$body$;
comment on function reporting.count_appointments(date) is 'platformkit:definer counts over all clinics for the operator, no single row leaves it';

-- clean: the body is bound when it is made, and the path is fixed as well
create function public.unpaid_total(p_patient uuid) returns numeric language sql stable set search_path = ''
begin atomic
  select coalesce(sum(total), 0) from public.invoices where patient_id = p_patient and not paid;
end;

-- FAULT FUN002
create procedure public.archive_appointments(integer) language plpgsql as $body$
begin
  delete from public.appointments where starts_at < now() - make_interval(years => $1);
end
$body$;

-- FAULT FUN008: reads whatever table, or sub-select, the caller names; FAULT FUN003: "$user"; FAULT FUN004 and FUN005
create function public.export_table(p_table text) returns setof jsonb language plpgsql stable security definer set search_path = "$user", public as $body$
begin
  return query execute 'select to_jsonb(t) from ' || p_table || ' as t';
end
$body$;

-- FAULT SEC010: the key of the reminder service stands in the body. It is put together here, so that it stands in no file.
do $reminder$
begin
  execute format(
    $function$
      create function public.reminder_request(p_text text) returns jsonb language sql stable set search_path = '' as $body$
        select jsonb_build_object('text', p_text, 'access', %L)
      $body$
    $function$,
    concat_ws('_', 'sbp', left(encode(sha256('reminder service'), 'hex'), 40)) -- nobody's: made up on the spot
  );
end
$reminder$;

-- FAULT API001: names and addresses of all accounts, to everybody
create view public.profiles as select id, email, raw_user_meta_data ->> 'name' as name from auth.users;

-- FAULT RLS007: reads as its owner, whom no policy binds
create view public.patient_overview as
  select p.id, p.full_name, p.email, count(a.id) as visits
  from public.patients as p
  left join public.appointments as a on a.patient_id = p.id
  group by p.id;

-- FAULT RLS008
create materialized view public.visits_per_month as
  select tenant_id, date_trunc('month', starts_at) as month, count(*) as visits from public.appointments group by 1, 2;
