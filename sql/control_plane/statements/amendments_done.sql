-- The target follows the amendment from now on.
update ops.amendment_targets set done_at = %(now)s, how = %(how)s, scan_id = %(scan_id)s
 where amendment_id = %(amendment_id)s and target_id = %(target_id)s and done_at is null
