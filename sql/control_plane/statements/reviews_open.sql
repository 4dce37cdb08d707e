-- One row for a review that is new; none where the year has one.
insert into ops.reviews (year, due, opened_at, since, agenda, figures, constitution_before)
values (%(year)s, %(due)s, %(opened_at)s, %(since)s, %(agenda)s, %(figures)s, %(constitution_before)s)
on conflict (year) do nothing
returning year
