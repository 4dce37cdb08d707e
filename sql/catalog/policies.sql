-- One row: a row-level security policy, its expressions deparsed once. `roles` holds - for every role.
-- In no order.
-- Catalogues: pg_policy, pg_class, pg_namespace, pg_description. PostgreSQL 14 to 18.
select
    n.nspname as schema,
    c.relname as relation,
    p.polname as name,
    case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end as command,
    p.polpermissive as permissive,
    p.polroles::regrole[]::text as roles,
    case when p.polqual is not null then coalesce(pg_get_expr(p.polqual, p.polrelid), '') end as using,
    case when p.polwithcheck is not null then coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') end as with_check,
    description.description as comment
from pg_policy as p
inner join pg_class as c on c.oid = p.polrelid and c.relkind in ('r', 'p')
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_description as description
    on description.objoid = p.oid and description.classoid = 'pg_policy'::regclass and description.objsubid = 0
where n.nspname <> 'information_schema' and not starts_with(n.nspname::text, 'pg_');
