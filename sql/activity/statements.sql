-- One row: a statement that the server counted in this database: the slowest of those that were called three times or
-- more, and the most frequent ones. Several roles and several entries of one text are one row. Commands that have no plan
-- are left out; what reads the system catalogues (monitoring, schema caches, this very scan) comes last, so that it
-- crowds nothing out. The first row of all is about the whole: its text is null.
-- Names in braces are filled in: the extension may live in any schema, and three columns were renamed in version 1.11.
-- View: pg_stat_statements 1.8 to 1.12.
with numbers as (
    select
        s.userid,
        s.queryid,
        {top_level} as top_level,
        s.calls,
        s.mean_exec_time as mean
    from {schema}.pg_stat_statements(false) as s -- without texts, which are in a file
    where s.dbid = (select d.oid from pg_database as d where d.datname = current_database()) and s.calls > 0
),

candidates as (
    select
        n.*,
        row_number() over (order by n.calls < 3, n.mean desc, n.queryid, n.userid, n.top_level) as slowness,
        row_number() over (order by n.calls desc, n.queryid, n.userid, n.top_level) as frequency
    from numbers as n
    where n.queryid is not null
),

counted as (
    select
        s.query,
        {top_level} as top_level,
        pg_get_userbyid(s.userid)::text as role,
        s.calls,
        s.mean_exec_time as mean,
        s.stddev_exec_time as deviation,
        {maximum} as maximum,
        s.rows,
        s.shared_blks_hit as hit,
        s.shared_blks_read as read,
        s.{read_time} as read_time
    from {schema}.pg_stat_statements as s
    inner join candidates as c on c.userid = s.userid and c.queryid = s.queryid and c.top_level = {top_level}
    where
        s.dbid = (select d.oid from pg_database as d where d.datname = current_database())
        and (c.slowness <= 300 or c.frequency <= 400)
),

texts as (
    select
        c.query,
        c.top_level,
        array_agg(distinct c.role order by c.role) as roles,
        sum(c.calls)::bigint as calls,
        sum(c.calls * c.mean) / sum(c.calls) as mean,
        sum(c.calls * (c.deviation ^ 2 + c.mean ^ 2)) / sum(c.calls) as mean_square,
        case when count(c.maximum) = count(*) then max(c.maximum) end as maximum,
        sum(c.rows)::bigint as rows,
        sum(c.hit)::bigint as hit,
        sum(c.read)::bigint as read,
        sum(c.read_time) as read_time,
        c.query ~* '\mpg_(class|namespace|proc|attribute|type|index|constraint|extension|settings|stat[a-z_]*|database|authid|roles|locks)\M'
        as aside
    from counted as c
    where c.query ~* '^(\s|/\*.*?\*/|--[^\n]*\n|\()*(select|with|insert|update|delete|merge|values|table)\M'
    group by c.query, c.top_level
),

ranked as (
    select
        t.*,
        row_number() over (order by t.aside, t.calls < 3, t.mean desc, t.query collate "C", t.top_level) as slowness,
        row_number() over (order by t.aside, t.calls desc, t.query collate "C", t.top_level) as frequency
    from texts as t
)

select
    null as digest,
    null as text,
    null as roles,
    null as top_level,
    count(*) filter (where n.queryid is null) as calls,
    count(*) filter (where n.queryid is null and n.mean > {slow_ms} and n.calls >= 3)::double precision as mean,
    {evicted}::double precision as deviation,
    null as maximum,
    null as rows,
    null as hit,
    null as read,
    extract(epoch from {since})::double precision as read_time
from numbers as n
union all
(
    select
        left(encode(sha256(convert_to(r.query, getdatabaseencoding())), 'hex'), 16),
        left(r.query, 20000),
        r.roles,
        r.top_level,
        r.calls,
        r.mean,
        sqrt(greatest(0, r.mean_square - r.mean ^ 2)),
        r.maximum,
        r.rows,
        r.hit,
        r.read,
        r.read_time
    from ranked as r
    where r.slowness <= 60 or r.frequency <= 120
    order by r.query collate "C", r.top_level
);
