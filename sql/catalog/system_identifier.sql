-- One row: the identifier that initdb gave to the cluster; tells two servers behind one name apart.
-- Sent only when server.sql says that the role may execute pg_control_system. PostgreSQL 14 to 18.
select system_identifier::text as system_identifier from pg_control_system();
