-- One row: what `role` grants on objects it will create, in `schema` or (null) in every schema (ALTER DEFAULT PRIVILEGES).
-- Catalogues: pg_default_acl, pg_namespace. PostgreSQL 14 to 18 (large objects from 18).
select
    pg_get_userbyid(d.defaclrole) as role,
    n.nspname as schema,
    case d.defaclobjtype
        when 'r' then 'tables'
        when 'S' then 'sequences'
        when 'f' then 'functions'
        when 'T' then 'types'
        when 'n' then 'schemas'
        when 'L' then 'large_objects'
    end as object_type,
    d.defaclacl::text as privileges
from pg_default_acl as d
left join pg_namespace as n on n.oid = d.defaclnamespace
order by 1, n.nspname nulls first, 3;
