-- One row: a text that is another one after any change of the schema, and the same for as long as nothing but data, statistics,
-- storage (VACUUM, ANALYZE, REINDEX, TRUNCATE, REFRESH) and temporary objects change. Nothing is printed, opened or locked.
-- Nearly everywhere the transaction that wrote a catalogue row says that it changed. pg_class and pg_index are written for storage,
-- too, so that there the columns which mean something are hashed. A row counts with its key and its transaction or its columns; what
-- is exclusively or-ed does not depend on an order. Object identifiers below 16384 are PostgreSQL's own.
-- Catalogues: those that the other files of this folder read, as far as every role may. PostgreSQL 14 to 18.
with temporary as materialized (
    -- Their schemas are made when the first one is.
    select c.oid
    from pg_class as c
    where c.relpersistence = 't' and (select exists (select from pg_namespace as n where starts_with(n.nspname::text, 'pg_temp_')))
),
schema as materialized (
    select n.oid, hashtextextended(n.xmin::text, n.oid::bigint) as hash
    from pg_namespace as n
    where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
),
part (name, value) as (
    select 'schemas', bit_xor(s.hash)::text from schema as s
    union all
    -- Few lists of privileges are different; their text is made once for each.
    select 'relations', bit_xor(hashtextextended(concat_ws(' ', g.hash, g.privileges::text), 0))::text
    from (
        select
            c.relacl as privileges,
            bit_xor(
                hashnameextended(
                    c.relname,
                    case
                        -- Most of them; all else that counts of an index is counted with pg_index or with its table.
                        when c.relkind = 'i' and c.reloptions is null then c.oid::bigint
                        else
                            (c.oid::bigint << 24) # (c.relnamespace::bigint << 28) # (c.relowner::bigint << 20)
                            # (c.relnatts::bigint << 36) # (c.relam::bigint << 8) # (ascii(c.relreplident::text) << 4)
                            # (c.relpersistence = 'u')::integer # (2 * c.relrowsecurity::integer)
                            # (4 * c.relforcerowsecurity::integer) # (8 * c.relispartition::integer)
                            # case when c.reloptions is null then 0 else hash_array_extended(c.reloptions, 1) end
                    end
                )
            ) as hash
        from pg_class as c
        where c.oid >= 16384 and c.relnamespace <> 'pg_toast'::regnamespace and c.relpersistence <> 't'
        group by c.relacl
    ) as g
    union all
    -- Of so many rows the transactions are added up: columns come and go with what is counted above, and whatever else is done to one
    -- is written by a younger transaction.
    select 'columns', concat_ws(' ', count(*), (count(*) * age('3'::xid)::bigint - sum(age(a.xmin))) & 4294967295)
    from pg_attribute as a
    -- Those of indexes are counted as well, which is cheaper than to tell them apart; TOAST tables come and go with storage.
    where
        a.attnum > 0 and a.attrelid >= 16384
        and (a.attnum > 3 or a.attname < 'chunk_data' or a.attname > 'chunk_seq' or a.attname not in ('chunk_id', 'chunk_seq', 'chunk_data'))
        and ((select not exists (select from temporary)) or a.attrelid not in (select gone.oid from temporary as gone))
    union all
    select 'constraints', bit_xor(hashoidextended(c.oid, (age(c.xmin)::bigint - age('3'::xid)::bigint) & 4294967295))::text
    from pg_constraint as c
    where c.oid >= 16384 and c.contype <> 'n' and c.conrelid not in (select t.oid from temporary as t)
    union all
    -- REFRESH writes these rows anew. Another index is another relation; what changes about one are these flags, nearly always as
    -- they are here, those of TOAST among them.
    select 'indexes', bit_xor(
        hashint8extended(
            i.indexrelid::bigint,
            i.indisvalid::integer + 2 * i.indisready::integer + 4 * i.indislive::integer + 8 * i.indimmediate::integer
            + 16 * i.indisreplident::integer + 32 * i.indisclustered::integer
        )
    )::text
    from pg_index as i
    where
        i.indexrelid >= 16384
        and not (i.indisvalid and i.indisready and i.indislive and i.indimmediate and not i.indisreplident and not i.indisclustered)
        and i.indrelid not in (select t.oid from temporary as t)
    union all
    select 'sequences', bit_xor(hashoidextended(s.seqrelid, (age(s.xmin)::bigint - age('3'::xid)::bigint) & 4294967295))::text
    from pg_sequence as s
    where s.seqrelid not in (select t.oid from temporary as t)
    union all
    select 'rules', bit_xor(hashoidextended(w.oid, (age(w.xmin)::bigint - age('3'::xid)::bigint) & 4294967295))::text
    from pg_rewrite as w
    where w.oid >= 16384 and w.ev_class not in (select t.oid from temporary as t)
    union all
    select 'policies', bit_xor(hashoidextended(p.oid, (age(p.xmin)::bigint - age('3'::xid)::bigint) & 4294967295))::text
    from pg_policy as p
    where p.polrelid not in (select t.oid from temporary as t)
    union all
    select 'triggers', bit_xor(hashoidextended(t.oid, (age(t.xmin)::bigint - age('3'::xid)::bigint) & 4294967295))::text
    from pg_trigger as t
    where
        (not t.tgisinternal or (t.tgparentid <> 0 and t.tgconstraint = 0))
        and t.tgrelid not in (select gone.oid from temporary as gone)
    union all
    select 'functions', bit_xor(hashoidextended(p.oid, (age(p.xmin)::bigint - age('3'::xid)::bigint) & 4294967295))::text
    from pg_proc as p
    where p.oid >= 16384 and p.pronamespace in (select s.oid from schema as s)
    union all
    -- Row types and arrays come with something that is counted already.
    select 'types', bit_xor(hashtextextended(t.xmin::text, t.oid::bigint))::text
    from pg_type as t
    where t.oid >= 16384 and t.typrelid = 0 and t.typcategory <> 'A' and t.typnamespace in (select s.oid from schema as s)
    union all
    select 'labels', bit_xor(hashtextextended(e.xmin::text, e.oid::bigint))::text
    from pg_enum as e
    union all
    select 'collations', bit_xor(hashtextextended(c.xmin::text, c.oid::bigint))::text
    from pg_collation as c
    where c.oid >= 16384
    union all
    select 'extensions', bit_xor(hashtextextended(e.xmin::text, e.oid::bigint))::text
    from pg_extension as e
    union all
    select 'members', bit_xor(hashtextextended(d.xmin::text, (d.classid::bigint << 32) + d.objid::bigint))::text
    from pg_depend as d
    where d.refclassid in ('pg_extension'::regclass, 'pg_publication'::regclass)
    union all
    select 'comments', bit_xor(hashtextextended(d.xmin::text, (d.classoid::bigint << 48) # (d.objoid::bigint << 16) # d.objsubid))::text
    from pg_description as d
    where
        (d.objoid >= 16384 or (d.classoid = 'pg_namespace'::regclass and d.objoid = 'public'::regnamespace))
        and (d.classoid <> 'pg_class'::regclass or d.objoid not in (select t.oid from temporary as t))
    union all
    select 'default privileges', bit_xor(hashtextextended(a.xmin::text, a.oid::bigint))::text
    from pg_default_acl as a
    union all
    select 'event triggers', bit_xor(hashtextextended(t.xmin::text, t.oid::bigint))::text
    from pg_event_trigger as t
    union all
    select 'publications', bit_xor(hashtextextended(p.xmin::text, p.oid::bigint))::text
    from pg_publication as p
    union all
    select 'foreign servers', bit_xor(hashtextextended(s.xmin::text, s.oid::bigint))::text
    from pg_foreign_server as s
    union all
    select 'foreign data wrappers', bit_xor(hashtextextended(w.xmin::text, w.oid::bigint))::text
    from pg_foreign_data_wrapper as w
    union all
    select 'user mappings', bit_xor(hash_record_extended(row(m.umid, m.srvid, m.umuser, m.umoptions), 0))::text
    from pg_user_mappings as m
    union all
    select 'roles', bit_xor(
        hash_record_extended(
            row(
                r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls
            ),
            0
        )
    )::text
    from pg_roles as r
    union all
    select 'memberships', bit_xor(hashtextextended(m.xmin::text, (m.roleid::bigint << 32) + m.member::bigint))::text
    from pg_auth_members as m
    union all
    select 'settings', bit_xor(hashtextextended(s.xmin::text, (s.setrole::bigint << 32) + s.setdatabase::bigint))::text
    from pg_db_role_setting as s
    where s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
)

select md5(string_agg(concat_ws(' ', part.name, part.value), ',' order by part.name collate "C")) as marker
from part;
