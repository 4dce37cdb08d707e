-- Logical replication slots of this database: whether somebody reads one, whether the server still keeps the log for it, and how
-- many bytes of log it holds back. One row: name, active, wal_status, bytes (null on a standby).
select s.slot_name::text, s.active, coalesce(s.wal_status, ''),
       case when not pg_catalog.pg_is_in_recovery()
            then pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), coalesce(s.confirmed_flush_lsn, s.restart_lsn))::bigint
       end
  from pg_catalog.pg_replication_slots s
 where s.database = current_database() and not s.temporary
 order by 1
