-- Stand-in for supabase_vault: its tables are part of the platform's shape; nothing is encrypted, and a call says so.
create function vault.create_secret(
  new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null
) returns uuid language plpgsql as $body$ begin raise exception 'stand-in: this server does not have supabase_vault'; end $body$;
create function vault.update_secret(
  secret_id uuid, new_secret text default null, new_name text default null, new_description text default null, new_key_id uuid default null
) returns void language plpgsql as $body$ begin raise exception 'stand-in: this server does not have supabase_vault'; end $body$;
