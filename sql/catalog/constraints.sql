-- One row: a primary key, unique, foreign key, check or exclusion constraint of a table. The `n` rows that 18 keeps for
-- NOT NULL are left out (the column says it), as are constraint triggers and the constraints of domains (the type says them).
-- `columns` and `referenced_columns` are column numbers; whoever has read columns.sql knows the names. `definition` is null
-- for the plain keys whose text follows from the other columns: that is nearly all of them, and asking pg_get_constraintdef
-- for each costs more than everything else here. It is empty when the constraint vanished meanwhile. In no order.
-- The index of a constraint has its name: the server renames both together.
-- Columns that a major does not have yet come from `older`: a name that the inner query's table lacks means that one.
-- Catalogues: pg_constraint, pg_class, pg_namespace, pg_index, pg_description. PostgreSQL 14 to 18 (confdelsetcols and
-- indnullsnotdistinct from 15; conenforced and conperiod from 18).
with relation as materialized (
    select c.oid, c.relname as name, c.relkind as kind, n.nspname as schema
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f')
)

select
    c.schema,
    c.name as relation,
    con.conname as name,
    case con.contype
        when 'p' then 'primary_key'
        when 'u' then 'unique'
        when 'f' then 'foreign_key'
        when 'c' then 'check'
        when 'x' then 'exclusion'
    end as type,
    con.conkey::text as columns,
    case
        when
            con.contype = 'x' or con.condeferrable or not con.convalidated or not con.conenforced or con.conperiod
            or (con.contype = 'f' and (con.confmatchtype <> 's' or con.confdelsetcols is not null))
            or (con.contype = 'c' and con.connoinherit)
            or (con.contype in ('p', 'u') and i.indexrelid is not null)
            then coalesce(pg_get_constraintdef(con.oid), '')
        when con.contype = 'c' then coalesce('CHECK (' || pg_get_expr(con.conbin, con.conrelid) || ')', '')
    end as definition,
    rc.schema as referenced_schema,
    rc.name as referenced_relation,
    con.confkey::text as referenced_columns,
    case when con.contype = 'f' then
        case con.confupdtype
            when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE' when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT'
        end
    end as on_update,
    case when con.contype = 'f' then
        case con.confdeltype
            when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE' when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT'
        end
    end as on_delete,
    con.condeferrable as deferrable,
    con.condeferred as initially_deferred,
    con.convalidated as validated,
    con.contype not in ('c', 'f') or con.conenforced as enforced,
    con.conparentid <> 0 or (con.coninhcount > 0 and not con.conislocal) as inherited,
    case when con.contype in ('p', 'u', 'x') then con.conname end as index,
    description.description as comment,
    quote_ident(rc.schema) || '.' || quote_ident(rc.name) as referenced
from (values (true, null::smallint[], false)) as older (conenforced, confdelsetcols, conperiod)
cross join lateral (
    select
        k.oid, k.conname, k.contype, k.conrelid, k.conindid, k.confrelid, k.conkey, k.confkey, k.conbin, k.condeferrable,
        k.condeferred, k.convalidated, k.connoinherit, k.confmatchtype, k.confupdtype, k.confdeltype, k.conparentid,
        k.coninhcount, k.conislocal, conenforced, confdelsetcols, conperiod
    from pg_constraint as k
    where k.contype in ('p', 'u', 'f', 'c', 'x')
) as con
inner join relation as c on c.oid = con.conrelid
left join relation as rc on rc.oid = con.confrelid and rc.kind <> 'f'
left join (
    select i.indexrelid
    from (values (false)) as older (indnullsnotdistinct)
    cross join lateral (select k.indexrelid, k.indnatts, k.indnkeyatts, indnullsnotdistinct from pg_index as k) as i
    where i.indnatts > i.indnkeyatts or i.indnullsnotdistinct
) as i on i.indexrelid = con.conindid
left join pg_description as description
    on description.objoid = con.oid and description.classoid = 'pg_constraint'::regclass and description.objsubid = 0
where c.schema <> 'information_schema' and not starts_with(c.schema::text, 'pg_');
