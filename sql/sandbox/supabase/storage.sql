-- Schema storage: buckets and objects with row level security; direct deletion is refused, as on the platform.

-- one row: a bucket; `public` ones serve their objects without a policy
create table if not exists storage.buckets (
  id text primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text
);
create unique index if not exists bname on storage.buckets (name);

-- one row: a stored file
create table if not exists storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb
);
create unique index if not exists bucketid_objname on storage.objects (bucket_id, name);
create index if not exists name_prefix_search on storage.objects (name text_pattern_ops);

-- one row: a migration of the storage service
create table if not exists storage.migrations (
  id integer primary key,
  name varchar(100) unique not null,
  hash varchar(40) not null,
  executed_at timestamp default current_timestamp
);

create or replace function storage.foldername(name text) returns text[] language sql immutable as $foldername$
  select parts[1 : array_length(parts, 1) - 1] from (select string_to_array(name, '/') as parts) as path
$foldername$;
create or replace function storage.filename(name text) returns text language sql immutable as $filename$
  select parts[array_length(parts, 1)] from (select string_to_array(name, '/') as parts) as path
$filename$;
create or replace function storage.extension(name text) returns text language sql immutable as $extension$
  select reverse(split_part(reverse(storage.filename(name)), '.', 1))
$extension$;
create or replace function storage.operation() returns text language sql stable as $operation$
  select current_setting('storage.operation', true)
$operation$;
create or replace function storage.protect_delete() returns trigger language plpgsql as $protect_delete$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise exception 'rows of storage tables are deleted through the Storage API only' using errcode = '42501';
  end if;
  return null;
end
$protect_delete$;
create or replace trigger protect_buckets_delete before delete on storage.buckets for each statement execute function storage.protect_delete();
create or replace trigger protect_objects_delete before delete on storage.objects for each statement execute function storage.protect_delete();

alter table storage.buckets    enable row level security;
alter table storage.objects    enable row level security;
alter table storage.migrations enable row level security;
alter table storage.buckets    owner to supabase_storage_admin;
alter table storage.objects    owner to supabase_storage_admin;
alter table storage.migrations owner to supabase_storage_admin;
grant all on storage.buckets, storage.objects to postgres with grant option;
grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
