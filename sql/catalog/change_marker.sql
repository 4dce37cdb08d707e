-- One row: a text that is another one after any change of the schema, and the same for as long as nothing but data, statistics,
-- storage (VACUUM, ANALYZE, REINDEX, TRUNCATE, REFRESH) and temporary objects change. Nothing is printed, opened or locked.
-- Nearly everywhere the transaction that wrote a catalogue row says that it changed. pg_class and pg_index are written for storage,
-- too, so that there the columns which mean something are hashed. A row counts with its key and its transaction or its columns; what
-- is exclusively or-ed does not depend on an order. Object identifiers below 16384 are PostgreSQL's own.
-- Catalogues: those that the other files of this folder read, as far as every role may. PostgreSQL 14 to 18.
with relation as materialized (
    select
        c.oid,
        c.relacl as privileges,
        hashint8extended(
            (c.relnamespace::bigint << 32) + (c.relnatts::bigint << 16) + c.relowner::bigint,
            hashnameextended(
                c.relname,
                (c.oid::bigint << 16) + (c.relpersistence = 'u')::integer + 2 * c.relrowsecurity::integer + 4 * c.relforcerowsecurity::integer
                + 8 * c.relispartition::integer + (ascii(c.relreplident::text) << 5) + (c.relam::bigint << 12)
                + case when c.reloptions is null then 0 else hash_array_extended(c.reloptions, 0) % 1000000007 end
            )
        ) as hash
    from pg_class as c
    where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
),
temporary as materialized (
    select c.oid from pg_class as c where c.relpersistence = 't'
),
schema as materialized (
    select n.oid, hashtextextended(n.xmin::text, n.oid::bigint) as hash
    from pg_namespace as n
    where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
),
part (name, value) as (
    select 'schemas', bit_xor(s.hash)::text from schema as s
    union all
    select 'relations', bit_xor(r.hash)::text from relation as r
    union all
    -- Most of what pg_class holds; all else that counts of an index is counted with pg_index or with its table.
    select 'names of indexes', bit_xor(hashnameextended(c.relname, coalesce(hash_array_extended(c.reloptions, c.oid::bigint), c.oid::bigint)))::text
    from pg_class as c
    where c.relkind in ('i', 'I') and c.oid >= 16384 and c.relnamespace <> 'pg_toast'::regnamespace and c.relpersistence <> 't'
    union all
    -- Few lists of privileges are different; their text is made once for each.
    select 'privileges', bit_xor(hashtextextended(g.privileges, 0))::text
    from (
        select concat_ws(' ', r.privileges::text, bit_xor(hashoidextended(r.oid, 0))) as privileges
        from relation as r
        where r.privileges is not null
        group by r.privileges
    ) as g
    union all
    select 'columns', bit_xor(
        hashint8extended((a.attrelid::bigint << 16) + a.attnum, (age(a.xmin)::bigint - (select age('3'::xid)::bigint)) & 4294967295)
    )::text
    from pg_attribute as a
    -- Those of indexes are counted as well, which is cheaper than to tell them apart; TOAST tables come and go with storage.
    -- Of so many rows a transaction is read by its distance from a fixed one, which is a number already.
    where
        a.attnum > 0 and a.attrelid >= 16384
        and a.attname <> 'chunk_id' and a.attname <> 'chunk_seq' and a.attname <> 'chunk_data'
        and a.attrelid not in (select gone.oid from temporary as gone)
    union all
    select 'constraints', bit_xor(hashtextextended(c.xmin::text, c.oid::bigint))::text
    from pg_constraint as c
    where c.oid >= 16384 and c.contype <> 'n' and c.conrelid not in (select t.oid from temporary as t)
    union all
    -- REFRESH writes these rows anew; what makes an index another one without a new identifier are its flags.
    select 'indexes', bit_xor(
        hashint8extended(
            i.indexrelid::bigint,
            i.indisunique::integer + 2 * i.indisprimary::integer + 4 * i.indisvalid::integer + 8 * i.indisready::integer
            + 16 * i.indislive::integer + 32 * i.indisreplident::integer + 64 * i.indisclustered::integer + 128 * i.indimmediate::integer
        )
    )::text
    from pg_index as i
    where i.indexrelid >= 16384 and i.indrelid in (select r.oid from relation as r)
    union all
    select 'sequences', bit_xor(hashtextextended(s.xmin::text, s.seqrelid::bigint))::text
    from pg_sequence as s
    where s.seqrelid not in (select t.oid from temporary as t)
    union all
    select 'rules', bit_xor(hashtextextended(w.xmin::text, w.oid::bigint))::text
    from pg_rewrite as w
    where w.oid >= 16384 and w.ev_class not in (select t.oid from temporary as t)
    union all
    select 'policies', bit_xor(hashtextextended(p.xmin::text, p.oid::bigint))::text
    from pg_policy as p
    where p.polrelid not in (select t.oid from temporary as t)
    union all
    select 'triggers', bit_xor(hashtextextended(t.xmin::text, t.oid::bigint))::text
    from pg_trigger as t
    where
        (not t.tgisinternal or (t.tgparentid <> 0 and t.tgconstraint = 0))
        and t.tgrelid not in (select gone.oid from temporary as gone)
    union all
    select 'functions', bit_xor(hashtextextended(p.xmin::text, p.oid::bigint))::text
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
