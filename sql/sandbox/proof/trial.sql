-- Tries what callers can do with the rows of a relation. For a superuser, in a transaction that is rolled back, on a database
-- that nobody misses: constraints in the way of a made-up row are dropped.
--
-- `made_rows`: [{"label", "values": {column: text}}], each there alone while it is tried. For a view, which shows what its tables hold,
--              "inserted" instead: a row to insert through it where it can be written through.
-- `callers`:   [{"label", "role", "settings": {name: value}}].
-- One row comes of each trial; `outcome` is a number of rows, `denied`, `error <SQLSTATE>`, or for a row that could not be made,
-- with no caller, `untried <SQLSTATE>`.

create function pg_temp.constraints_of_domains(target regclass) returns table (domain regtype, change text) language sql as $$
    with recursive domains as (
        select t.oid, t.typbasetype, t.typnotnull
        from pg_catalog.pg_attribute as a
        inner join pg_catalog.pg_type as t on t.oid = a.atttypid
        where a.attrelid = target and a.attnum > 0 and not a.attisdropped and t.typtype = 'd'
        union
        select t.oid, t.typbasetype, t.typnotnull
        from domains as d
        inner join pg_catalog.pg_type as t on t.oid = d.typbasetype
        where t.typtype = 'd'
    )

    select d.oid::regtype, 'drop not null' from domains as d where d.typnotnull
    union all
    select d.oid::regtype, format('drop constraint %I', c.conname)
    from domains as d
    inner join pg_catalog.pg_constraint as c on c.contypid = d.oid and c.contype = 'c'
$$;

create function pg_temp.prepare_for_made_rows(target regclass) returns void language plpgsql as $$
declare
    statement text;
begin
    -- session_replication_role keeps triggers and foreign keys still; these it does not
    for statement in
        select format('alter table %s drop constraint %I cascade', target, c.conname)
        from pg_catalog.pg_constraint as c
        where c.conrelid = target and c.contype in ('c', 'x')
        union all
        select format('alter domain %s %s', d.domain, d.change)
        from pg_temp.constraints_of_domains(target) as d
        union all
        select format('alter table %s alter column %I drop not null', target, a.attname)
        from pg_catalog.pg_attribute as a
        where a.attrelid = target and a.attnum > 0 and a.attnotnull and not a.attisdropped
        union all
        select format('create table %I.platformkit_other_rows partition of %s default', n.nspname, target)
        from pg_catalog.pg_class as c
        inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where c.oid = target and c.relkind = 'p'
        union all
        select format('alter table %s detach partition %s', i.inhparent::regclass, target)  -- its bounds would refuse made-up values
        from pg_catalog.pg_inherits as i
        inner join pg_catalog.pg_class as c on c.oid = i.inhrelid
        where i.inhrelid = target and c.relispartition
    loop
        begin
            execute statement;
        exception when others then null;  -- inherited, part of a key, or there already: then the row has to do with it
        end;
    end loop;
end
$$;

create function pg_temp.make_row(target regclass, given jsonb) returns void language plpgsql as $$
declare
    names text := (select string_agg(quote_ident(key), ', ') from jsonb_object_keys(given) as key);
begin
    execute format(
        'insert into %1$s (%2$s) overriding system value select %2$s from pg_catalog.jsonb_populate_record(null::%1$s, $1)', target, names
    ) using given;
end
$$;

create function pg_temp.statements_to_try(target regclass, caller_role text, given jsonb, handed_over jsonb)
returns table (operation text, statement text) language plpgsql as $$
declare
    insertable text;
    updatable text;
begin
    select string_agg(quote_ident(a.attname), ', ') filter (where has_column_privilege(caller_role, target, a.attnum, 'INSERT')),
        -- those that the server fills come last: in a table of nothing else they take DEFAULT as well
        (array_agg(quote_ident(a.attname) order by a.attgenerated = '' and a.attidentity <> 'a' desc,
            has_column_privilege(caller_role, target, a.attnum, 'UPDATE') desc, given ? a.attname, a.attnum))[1]
    into insertable, updatable
    from pg_catalog.pg_attribute as a
    where a.attrelid = target and a.attnum > 0 and not a.attisdropped and (given ? a.attname or a.attidentity = '');
    operation := 'SELECT'; statement := format('select from %s', target); return next;
    operation := 'INSERT';
    select format('insert into %1$s (%2$s) select %2$s from pg_catalog.jsonb_populate_record(null::%1$s, $1)', target, string_agg(quote_ident(key), ', '))
    into statement
    from jsonb_object_keys(given) as key
    where insertable is null or has_column_privilege(caller_role, target, key, 'INSERT');
    if statement is not null then return next; end if;
    operation := 'UPDATE'; statement := format('update %s set %s = default', target, updatable);
    if statement is not null then return next; end if;
    if handed_over is not null then
        operation := 'UPDATE of the tenant';
        statement := format('update %s set %s', target, (select string_agg(format('%I = %L', e.key, e.value), ', ') from jsonb_each_text(handed_over) as e));
        return next;
    end if;
    operation := 'DELETE'; statement := format('delete from %s', target); return next;
end
$$;

create function pg_temp.try_access(target regclass, made_rows jsonb, callers jsonb)
returns table (caller text, operation text, row_label text, outcome text) language plpgsql as $$
declare
    made jsonb;
    asking jsonb;
    setting record;
    attempt record;
    affected bigint;
begin
    for made in select r from jsonb_array_elements(made_rows) as r loop
        row_label := made ->> 'label';
        begin
            if made ? 'values' then
                execute format('delete from %s', target);
                perform pg_temp.make_row(target, made -> 'values');
            end if;
            for asking in select c from jsonb_array_elements(callers) as c loop
                caller := asking ->> 'label';
                for attempt in
                    select t.* from pg_temp.statements_to_try(target, asking ->> 'role', made -> 'values', made -> 'handed_over') as t where made ? 'values'
                    union all
                    select t.*
                    from pg_temp.statements_to_try(target, asking ->> 'role', made -> 'inserted', null) as t
                    where not made ? 'values' and (t.operation = 'SELECT' or pg_catalog.pg_relation_is_updatable(target, false) > 0)
                loop
                    operation := attempt.operation;
                    begin
                        for setting in select * from jsonb_each_text(asking -> 'settings') loop
                            perform set_config(setting.key, setting.value, true);
                        end loop;
                        perform set_config('role', asking ->> 'role', true);
                        execute attempt.statement using coalesce(made -> 'values', made -> 'inserted');
                        get diagnostics affected = row_count;
                        raise exception using errcode = 'PK001', message = affected::text;  -- takes back what was done
                    exception
                        when sqlstate 'PK001' then outcome := sqlerrm;
                        when insufficient_privilege then outcome := 'denied';
                        when integrity_constraint_violation then outcome := '1';  -- policies are asked first, and had let it pass
                        when others then outcome := 'error ' || sqlstate;
                    end;
                    return next;
                end loop;
            end loop;
            raise exception using errcode = 'PK002', message = '';
        exception
            when sqlstate 'PK002' then null;
            when others then
                caller := ''; operation := ''; outcome := 'untried ' || sqlstate;
                return next;
        end;
    end loop;
end
$$
