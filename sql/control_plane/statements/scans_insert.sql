-- One row in: one observation; nothing when its id is known.
insert into ops.scans (scan_id, target_id, started_at, duration_seconds, server_version, catalog_fingerprint, server, statistics, unobserved,
                       run_id, set_digest, object_count, activity, head_commit, head_branch)
values (%(scan_id)s, %(target_id)s, %(started_at)s, %(duration_seconds)s, %(server_version)s, %(catalog_fingerprint)s, %(server)s, %(statistics)s,
        %(unobserved)s, %(run_id)s, %(set_digest)s, %(object_count)s, %(activity)s, %(commit)s, %(branch)s)
    on conflict (scan_id) do nothing
