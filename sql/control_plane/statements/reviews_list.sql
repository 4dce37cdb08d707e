-- One row: one review, the latest first; of the year, where one is named.
select year, due, opened_at, since, agenda, figures, constitution_before, issue, completed_at, completed_by, outcome, constitution_after
  from ops.reviews
 where %(year)s::integer is null or year = %(year)s
 order by year desc
