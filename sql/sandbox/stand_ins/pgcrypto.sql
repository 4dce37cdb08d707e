-- Stand-in for pgcrypto, for servers that are built without OpenSSL: the functions are there, so that defaults, bodies and
-- generated columns that name them can be made. Random bytes and SHA-2 are real; what is not says so when it is called.
create function gen_random_uuid() returns uuid language sql volatile parallel safe as 'select pg_catalog.gen_random_uuid()';
create function gen_random_bytes(integer) returns bytea language sql volatile strict parallel safe as $body$
  select pg_catalog.substring(pg_catalog.string_agg(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), ''), 1, $1)
  from pg_catalog.generate_series(0, $1 / 16)
$body$;
create function digest(bytea, text) returns bytea language plpgsql immutable strict parallel safe as $body$
begin
  return case pg_catalog.lower($2)
    when 'sha224' then pg_catalog.sha224($1)
    when 'sha256' then pg_catalog.sha256($1)
    when 'sha384' then pg_catalog.sha384($1)
    when 'sha512' then pg_catalog.sha512($1)
    when 'md5' then pg_catalog.decode(pg_catalog.md5($1), 'hex')
  end;
end
$body$;
create function digest(text, text) returns bytea language plpgsql immutable strict parallel safe as $body$
begin
  return case pg_catalog.lower($2)
    when 'sha224' then pg_catalog.sha224(pg_catalog.convert_to($1, 'UTF8'))
    when 'sha256' then pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8'))
    when 'sha384' then pg_catalog.sha384(pg_catalog.convert_to($1, 'UTF8'))
    when 'sha512' then pg_catalog.sha512(pg_catalog.convert_to($1, 'UTF8'))
    when 'md5' then pg_catalog.decode(pg_catalog.md5($1), 'hex')
  end;
end
$body$;
do $absent$
declare
  wanted record;
begin
  for wanted in
    -- one row: a function, its result and its volatility
    select * from (values
      ('hmac(bytea, bytea, text)', 'bytea', 'immutable'),
      ('hmac(text, text, text)', 'bytea', 'immutable'),
      ('crypt(text, text)', 'text', 'immutable'),
      ('gen_salt(text)', 'text', 'volatile'),
      ('gen_salt(text, integer)', 'text', 'volatile'),
      ('encrypt(bytea, bytea, text)', 'bytea', 'immutable'),
      ('decrypt(bytea, bytea, text)', 'bytea', 'immutable'),
      ('encrypt_iv(bytea, bytea, bytea, text)', 'bytea', 'immutable'),
      ('decrypt_iv(bytea, bytea, bytea, text)', 'bytea', 'immutable'),
      ('pgp_sym_encrypt(text, text)', 'bytea', 'volatile'),
      ('pgp_sym_encrypt(text, text, text)', 'bytea', 'volatile'),
      ('pgp_sym_decrypt(bytea, text)', 'text', 'immutable'),
      ('pgp_sym_decrypt(bytea, text, text)', 'text', 'immutable'),
      ('pgp_pub_encrypt(text, bytea)', 'bytea', 'volatile'),
      ('pgp_pub_decrypt(bytea, bytea)', 'text', 'immutable'),
      ('armor(bytea)', 'text', 'immutable'),
      ('dearmor(text)', 'bytea', 'immutable')
    ) as function (signature, result, volatility)
  loop
    execute format(
      'create function %s returns %s language plpgsql %s strict parallel safe as %L',
      wanted.signature, wanted.result, wanted.volatility,
      format('begin raise exception %L; end', 'stand-in: this server does not have pgcrypto')
    );
  end loop;
end
$absent$;
