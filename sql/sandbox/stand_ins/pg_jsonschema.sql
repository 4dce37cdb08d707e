-- Stand-in for pg_jsonschema: checks that name it can be made, not passed.
create function json_matches_schema(schema json, instance json) returns boolean language plpgsql immutable strict parallel safe as
  $body$ begin raise exception 'stand-in: this server does not have pg_jsonschema'; end $body$;
create function jsonb_matches_schema(schema json, instance jsonb) returns boolean language plpgsql immutable strict parallel safe as
  $body$ begin raise exception 'stand-in: this server does not have pg_jsonschema'; end $body$;
