-- Stand-in for pgjwt: nothing is signed.
create function sign(payload json, secret text, algorithm text default 'HS256') returns text language plpgsql immutable as
  $body$ begin raise exception 'stand-in: this server does not have pgjwt'; end $body$;
create function verify(token text, secret text, algorithm text default 'HS256')
  returns table (header json, payload json, valid boolean) language plpgsql immutable as
  $body$ begin raise exception 'stand-in: this server does not have pgjwt'; end $body$;
