-- One row: how this transaction prints the catalogue. Every setting that changes what a deparse function returns is
-- pinned for the transaction only, so that the same schema gives the same text whatever the role, the database or a
-- pooled connection had set before. `jit` is off because compiling costs more than any of these queries.
-- The bulk queries read every row of the catalogues they join. Hash joins suit that whatever the planner believes about a
-- catalogue that was never analyzed, in the memory that they need; and one backend is enough of a server that has other work.
-- Function: set_config (Configuration Settings Functions). PostgreSQL 14 to 18.
select
    set_config('search_path', 'pg_catalog', true) as search_path,
    set_config('quote_all_identifiers', 'off', true) as quote_all_identifiers,
    set_config('standard_conforming_strings', 'on', true) as standard_conforming_strings,
    set_config('DateStyle', 'ISO, MDY', true) as date_style,
    set_config('IntervalStyle', 'postgres', true) as interval_style,
    set_config('TimeZone', 'UTC', true) as time_zone,
    set_config('extra_float_digits', '1', true) as extra_float_digits,
    set_config('bytea_output', 'hex', true) as bytea_output,
    set_config('lc_monetary', 'C', true) as lc_monetary,
    set_config('jit', 'off', true) as jit,
    set_config('work_mem', '64MB', true) as work_mem,
    set_config('enable_nestloop', 'off', true) as enable_nestloop,
    set_config('max_parallel_workers_per_gather', '0', true) as max_parallel_workers_per_gather;
