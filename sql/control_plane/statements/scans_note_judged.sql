-- One row in: the codes whose results of this scan are stored now; nothing when they are noted.
update ops.scans
   set judged_rules = array(select distinct u.code from unnest(judged_rules || %(rules)s::text[]) as u (code) order by u.code)
 where scan_id = %(scan_id)s and not judged_rules @> %(rules)s::text[]
