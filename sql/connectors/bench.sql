-- What the acceptance suite of connectors adds to the delivery tables in the schema of a bench.

-- One row: one effect of one event.
create table bench_schema.effects (
    consumer text not null,
    event_id text not null,
    key text not null,
    position bigint generated always as identity
);

-- Events whose effect is to go wrong.
create table bench_schema.spoilt_effects (
    event_id text primary key,
    how text not null check (how in ('refuse', 'seal'))
);

create function bench_schema.spoil() returns trigger language plpgsql set search_path = '' as $$
declare
    wanted text;
begin
    select s.how into wanted from bench_schema.spoilt_effects s where s.event_id = new.event_id;
    if wanted = 'refuse' then
        raise exception 'the bench refuses this effect';
    elsif wanted = 'seal' then
        -- From the next transaction on this session writes nothing: as if it had died after committing this one.
        perform pg_catalog.set_config('default_transaction_read_only', 'on', false);
    end if;
    return new;
end
$$;

create trigger spoil before insert on bench_schema.effects for each row execute function bench_schema.spoil();
