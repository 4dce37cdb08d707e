-- The environment is filled in by the trigger; what stands here is only there because the column wants something.
insert into ops.waivers (waiver_id, target_id, environment, rule, fingerprint, object_pattern, reason, granted_by, starts_on, expires_on,
                         extends, scan_id, run_id)
values (%(waiver_id)s, %(target_id)s, 'development', %(rule)s, %(fingerprint)s, %(object_pattern)s, %(reason)s, %(granted_by)s, %(starts_on)s,
        %(expires_on)s, %(extends)s, %(scan_id)s, null)
