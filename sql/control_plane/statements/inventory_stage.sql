-- One row: one object that differs from what is stored. COPY cannot write into a table with row level security, hence the detour.
create temporary table staged_inventory (kind text not null, identity text not null, content_hash bytea not null, payload json not null) on commit drop
