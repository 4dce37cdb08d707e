-- Stand-in for pg_net: nothing is sent anywhere; a call says so.
create schema net;
grant usage on schema net to postgres, anon, authenticated, service_role;
create function net.http_get(
  url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000
) returns bigint language plpgsql strict as $body$ begin raise exception 'stand-in: this server does not have pg_net'; end $body$;
create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds integer default 5000
) returns bigint language plpgsql as $body$ begin raise exception 'stand-in: this server does not have pg_net'; end $body$;
create function net.http_delete(
  url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000
) returns bigint language plpgsql strict as $body$ begin raise exception 'stand-in: this server does not have pg_net'; end $body$;
