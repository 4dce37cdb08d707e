-- One row where the review was open; none where it is completed already, or was never opened.
update ops.reviews
   set completed_at = %(now)s, completed_by = %(by)s, outcome = %(outcome)s, issue = %(issue)s, constitution_after = %(constitution_after)s
 where year = %(year)s and completed_at is null
returning year
