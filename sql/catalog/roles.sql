-- One row: a role of the cluster, predefined pg_* roles included, with the settings in force in this database:
-- ALTER ROLE ... IN DATABASE wins over ALTER ROLE. Values of settings that are secrets by name (PostgREST reads
-- pgrst.jwt_secret from here) are masked on the server: they never travel.
-- Catalogues: pg_roles, pg_db_role_setting, pg_database. PostgreSQL 14 to 18.
select
    r.rolname as name,
    r.rolsuper as superuser,
    r.rolinherit as inherit,
    r.rolcreaterole as create_role,
    r.rolcreatedb as create_db,
    r.rolcanlogin as login,
    r.rolreplication as replication,
    r.rolbypassrls as bypass_rls,
    (
        select jsonb_agg(
            jsonb_build_array(
                setting.name,
                case when setting.name ~* '(secret|passw|credential|api_?key|private_?key|access_?token)' then '***' else setting.value end
            )
            order by setting.name collate "C"
        )
        from (
            select distinct on (split_part(item, '=', 1))
                split_part(item, '=', 1) as name,
                substr(item, strpos(item, '=') + 1) as value
            from pg_db_role_setting as s
            cross join lateral unnest(s.setconfig) as item
            where s.setrole = r.oid and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
            order by split_part(item, '=', 1), s.setdatabase desc
        ) as setting
    ) as settings
from pg_roles as r
order by r.rolname;
