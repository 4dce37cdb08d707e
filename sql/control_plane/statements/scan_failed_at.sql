-- One row: when scanning the target began to fail, as long as it has not been told that it works again; none where nothing is known.
select raised_at
  from ops.alerts
 where target_id = %(target_id)s and kind = 'scan.failed' and raised_at <= %(now)s and (settled_at is null or settled_at > %(now)s)
 order by raised_at desc
 limit 1
