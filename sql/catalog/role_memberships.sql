-- One row: `member` is a member of `role`. From 16 on one membership may be granted several times by several roles; an
-- option is in force when any of the grants has it. Before 16 INHERIT is an attribute of the member, and SET is always given.
-- Catalogues: pg_auth_members, pg_roles. PostgreSQL 14 to 18 (inherit_option and set_option exist from 16).
select
    granted.rolname as role,
    member.rolname as member,
    bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, member.rolinherit)) as inherit_option,
    bool_or(coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)) as set_option,
    bool_or(m.admin_option) as admin_option
from pg_auth_members as m
inner join pg_roles as granted on granted.oid = m.roleid
inner join pg_roles as member on member.oid = m.member
group by granted.rolname, member.rolname
order by granted.rolname, member.rolname;
