-- One row: a job of pg_cron. Sent only when server.sql says that cron.job exists and that this role sees all of its rows.
-- Job numbers are left out: they differ wherever the same jobs are scheduled again. `jobname` came with a later version of
-- pg_cron, hence the way through jsonb.
-- Table: cron.job. PostgreSQL 14 to 18.
select
    to_jsonb(j) ->> 'jobname' as name,
    j.schedule::text as schedule,
    j.command::text as command,
    j.database::text as database,
    j.username::text as username,
    j.active as active
from cron.job as j
order by j.jobid;
