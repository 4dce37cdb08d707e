-- One row: a foreign server with its options, and who is mapped to which account there ([role or PUBLIC, options, whether this
-- role may see the options]). Values of options that are secrets by name are masked on the server: they never travel.
-- pg_user_mappings shows options to superusers, to the mapped role where it has USAGE on the server, and those of PUBLIC to
-- the server's owner; where it shows null there may be none.
-- Catalogues: pg_foreign_server, pg_foreign_data_wrapper, pg_user_mappings. PostgreSQL 14 to 18.
select
    s.srvname as name,
    pg_get_userbyid(s.srvowner) as owner,
    w.fdwname as wrapper,
    (
        select
            jsonb_agg(
                jsonb_build_array(
                    o.option_name,
                    case
                        when o.option_name ~* '(pass|pwd)' then '[platformkit:secret:password]'
                        when o.option_name ~* '(secret|token|credential|key)' and o.option_name !~* '(_id|_name|_column)$'
                            then '[platformkit:secret:named-secret]'
                        else o.option_value
                    end
                )
                order by o.option_name collate "C"
            )
        from pg_options_to_table(s.srvoptions) as o
    ) as options,
    (
        select
            jsonb_agg(
                jsonb_build_array(
                    case m.umuser when 0 then 'PUBLIC' else m.usename end,
                    (
                        select
                            jsonb_agg(
                                jsonb_build_array(
                                    o.option_name,
                                    case
                                        when o.option_name ~* '(pass|pwd)' then '[platformkit:secret:password]'
                                        when o.option_name ~* '(secret|token|credential|key)' and o.option_name !~* '(_id|_name|_column)$'
                                            then '[platformkit:secret:named-secret]'
                                        else o.option_value
                                    end
                                )
                                order by o.option_name collate "C"
                            )
                        from pg_options_to_table(m.umoptions) as o
                    ),
                    m.umoptions is not null
                    or current_setting('is_superuser') = 'on'
                    or (m.umuser = 0 and pg_has_role(s.srvowner, 'usage'))
                    or (m.usename = current_user and (pg_has_role(s.srvowner, 'usage') or has_server_privilege(s.oid, 'usage')))
                )
                order by m.usename collate "C"
            )
        from pg_user_mappings as m
        where m.srvid = s.oid
    ) as user_mappings
from pg_foreign_server as s
inner join pg_foreign_data_wrapper as w on w.oid = s.srvfdw
order by s.srvname;
