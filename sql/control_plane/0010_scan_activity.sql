-- Counters of a scan beside its planner estimates, so that a stored observation is judged as a direct one.

set role platformkit_owner;

alter table ops.scans add column activity jsonb;
comment on column ops.scans.activity is
  'Statement statistics, uses of indexes, sizes, plans and endpoint latencies; kept out of the inventory because they change '
  'without the schema changing. Null when they could not be read.';

reset role;
