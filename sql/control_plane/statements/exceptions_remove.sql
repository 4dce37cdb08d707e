-- The documents of a repository that a scan no longer found; a row that is marked already stays as it is.
update ops.exceptions
   set removed_at = %(now)s, commit = %(commit)s, scan_id = %(scan_id)s, run_id = %(run_id)s
 where target_id = %(target_id)s and path = any (%(paths)s) and removed_at is null
