-- At most one row: the settings that ALTER DATABASE and ALTER ROLE ALL give to every session of this database; that of the
-- database wins. Values of settings that are secrets by name are masked on the server: they never travel.
-- Catalogues: pg_db_role_setting, pg_database. PostgreSQL 14 to 18.
select
    current_database()::text as name,
    jsonb_agg(
        jsonb_build_array(
            setting.name,
            case when setting.name ~* '(secret|passw|credential|api_?key|private_?key|access_?token)' then '***' else setting.value end
        )
        order by setting.name collate "C"
    ) as settings
from (
    select distinct on (split_part(item, '=', 1))
        split_part(item, '=', 1) as name,
        substr(item, strpos(item, '=') + 1) as value
    from pg_db_role_setting as s
    cross join lateral unnest(s.setconfig) as item
    where s.setrole = 0 and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    order by split_part(item, '=', 1), s.setdatabase desc
) as setting
having count(*) > 0;
