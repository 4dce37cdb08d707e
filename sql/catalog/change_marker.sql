-- One row: a text that is another one after any change of the schema, and the same for as long as nothing but data, statistics,
-- storage (VACUUM, ANALYZE, REINDEX, TRUNCATE, REFRESH) and temporary objects change. Nothing is printed, opened or locked.
-- Nearly everywhere the transaction that wrote a catalogue row says that it changed. pg_class and pg_index are written for storage,
-- too, so that there the columns which mean something are hashed. A row counts with its key and its transaction or its columns; sums
-- do not depend on an order. Object identifiers below 16384 are PostgreSQL's own.
-- Catalogues: those that the other files of this folder read, as far as every role may. PostgreSQL 14 to 18.
with relation as materialized (
    select
        c.oid,
        c.relacl as privileges,
        hash_record_extended(
            row(
                c.oid, c.relname, c.relnamespace, c.relowner, c.relkind, c.relpersistence, c.relam, c.relrowsecurity,
                c.relforcerowsecurity, c.relispartition, c.relreplident, c.reloptions
            ),
            0
        ) as hash
    from pg_class as c
    where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
),
temporary as materialized (
    select c.oid from pg_class as c where c.relpersistence = 't'
),
schema as materialized (
    select n.oid, hashint8extended(n.oid::bigint, n.xmin::text::bigint) as hash
    from pg_namespace as n
    where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_')
),
part (name, value) as (
    select 'schemas', sum(s.hash)::text from schema as s
    union all
    select 'relations', sum(r.hash)::text from relation as r
    union all
    -- Most of what pg_class holds; all else that counts of an index is counted with pg_index or with its table.
    select 'names of indexes', sum(hashnameextended(c.relname, coalesce(hash_array_extended(c.reloptions, c.oid::bigint), c.oid::bigint)))::text
    from pg_class as c
    where c.relkind in ('i', 'I') and c.oid >= 16384 and c.relnamespace <> 'pg_toast'::regnamespace and c.relpersistence <> 't'
    union all
    -- Few lists of privileges are different; their text is made once for each.
    select 'privileges', sum(hashtextextended(g.privileges, 0))::text
    from (
        select concat_ws(' ', r.privileges::text, sum(hashoidextended(r.oid, 0))) as privileges
        from relation as r
        where r.privileges is not null
        group by r.privileges
    ) as g
    union all
    select 'columns', sum(hashint8extended((a.attrelid::bigint << 16) + a.attnum, a.xmin::text::bigint))::text
    from pg_attribute as a
    where
        a.attnum > 0 and a.attrelid >= 16384
        and a.attrelid in (select r.oid from relation as r)
    union all
    select 'constraints', sum(hashint8extended(c.oid::bigint, c.xmin::text::bigint))::text
    from pg_constraint as c
    where c.oid >= 16384 and c.contype <> 'n' and c.conrelid not in (select t.oid from temporary as t)
    union all
    -- REFRESH writes these rows anew; what makes an index another one without a new identifier are its flags.
    select 'indexes', sum(
        hashint8extended(
            i.indexrelid::bigint,
            i.indisunique::integer + 2 * i.indisprimary::integer + 4 * i.indisvalid::integer + 8 * i.indisready::integer
            + 16 * i.indislive::integer + 32 * i.indisreplident::integer + 64 * i.indisclustered::integer + 128 * i.indimmediate::integer
        )
    )::text
    from pg_index as i
    where i.indexrelid >= 16384 and i.indrelid in (select r.oid from relation as r)
    union all
    select 'inheritance', sum(hashint8extended((i.inhrelid::bigint << 32) + i.inhparent::bigint, i.xmin::text::bigint))::text
    from pg_inherits as i
    where i.inhrelid not in (select t.oid from temporary as t)
    union all
    select 'sequences', sum(hashint8extended(s.seqrelid::bigint, s.xmin::text::bigint))::text
    from pg_sequence as s
    where s.seqrelid not in (select t.oid from temporary as t)
    union all
    select 'rules', sum(hashint8extended(w.oid::bigint, w.xmin::text::bigint))::text
    from pg_rewrite as w
    where w.oid >= 16384 and w.ev_class not in (select t.oid from temporary as t)
    union all
    select 'policies', sum(hashint8extended(p.oid::bigint, p.xmin::text::bigint))::text
    from pg_policy as p
    where p.polrelid not in (select t.oid from temporary as t)
    union all
    select 'triggers', sum(hashint8extended(t.oid::bigint, t.xmin::text::bigint))::text
    from pg_trigger as t
    where
        (not t.tgisinternal or (t.tgparentid <> 0 and t.tgconstraint = 0))
        and t.tgrelid not in (select gone.oid from temporary as gone)
    union all
    select 'functions', sum(hashint8extended(p.oid::bigint, p.xmin::text::bigint))::text
    from pg_proc as p
    where p.oid >= 16384 and p.pronamespace in (select s.oid from schema as s)
    union all
    -- Row types and arrays come with something that is counted already.
    select 'types', sum(hashint8extended(t.oid::bigint, t.xmin::text::bigint))::text
    from pg_type as t
    where t.oid >= 16384 and t.typrelid = 0 and t.typcategory <> 'A' and t.typnamespace in (select s.oid from schema as s)
    union all
    select 'labels', sum(hashint8extended(e.oid::bigint, e.xmin::text::bigint))::text
    from pg_enum as e
    union all
    select 'collations', sum(hashint8extended(c.oid::bigint, c.xmin::text::bigint))::text
    from pg_collation as c
    where c.oid >= 16384
    union all
    select 'extensions', sum(hashint8extended(e.oid::bigint, e.xmin::text::bigint))::text
    from pg_extension as e
    union all
    select 'members', sum(hashint8extended((d.classid::bigint << 32) + d.objid::bigint, d.xmin::text::bigint))::text
    from pg_depend as d
    where d.refclassid in ('pg_extension'::regclass, 'pg_publication'::regclass)
    union all
    select 'comments', sum(hashint8extended((d.classoid::bigint << 48) # (d.objoid::bigint << 16) # d.objsubid, d.xmin::text::bigint))::text
    from pg_description as d
    where
        (d.objoid >= 16384 or (d.classoid = 'pg_namespace'::regclass and d.objoid = 'public'::regnamespace))
        and (d.classoid <> 'pg_class'::regclass or d.objoid not in (select t.oid from temporary as t))
    union all
    select 'default privileges', sum(hashint8extended(a.oid::bigint, a.xmin::text::bigint))::text
    from pg_default_acl as a
    union all
    select 'event triggers', sum(hashint8extended(t.oid::bigint, t.xmin::text::bigint))::text
    from pg_event_trigger as t
    union all
    select 'publications', sum(hashint8extended(p.oid::bigint, p.xmin::text::bigint))::text
    from pg_publication as p
    union all
    select 'foreign servers', sum(hashint8extended(s.oid::bigint, s.xmin::text::bigint))::text
    from pg_foreign_server as s
    union all
    select 'foreign data wrappers', sum(hashint8extended(w.oid::bigint, w.xmin::text::bigint))::text
    from pg_foreign_data_wrapper as w
    union all
    select 'foreign tables', sum(hashint8extended(t.ftrelid::bigint, t.xmin::text::bigint))::text
    from pg_foreign_table as t
    union all
    select 'user mappings', sum(hash_record_extended(row(m.umid, m.srvid, m.umuser, m.umoptions), 0))::text
    from pg_user_mappings as m
    union all
    select 'roles', sum(
        hash_record_extended(
            row(
                r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls
            ),
            0
        )
    )::text
    from pg_roles as r
    union all
    select 'memberships', sum(hashint8extended((m.roleid::bigint << 32) + m.member::bigint, m.xmin::text::bigint))::text
    from pg_auth_members as m
    union all
    select 'settings', sum(hashint8extended((s.setrole::bigint << 32) + s.setdatabase::bigint, s.xmin::text::bigint))::text
    from pg_db_role_setting as s
    where s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
)

select md5(string_agg(concat_ws(' ', part.name, part.value), ',' order by part.name collate "C")) as marker
from part;
