-- One row: an endpoint of the project's API with at least 20 requests in the window, slowest first. ClickHouse SQL, for
-- the unified logs of the Supabase management API; `origin_time` is what the project took, in milliseconds, without the
-- way to the caller. Downloads and uploads are left out because their size sets their time, websockets because they stay open.
select
    log_attributes['request.method'] as method,
    log_attributes['request.path'] as path,
    count() as requests,
    round(quantile(0.95)(toFloat64OrNull(log_attributes['response.origin_time']))) as p95_ms,
    round(quantile(0.99)(toFloat64OrNull(log_attributes['response.origin_time']))) as p99_ms
from logs
where
    source = 'edge_logs'
    and log_attributes['request.method'] <> 'OPTIONS'
    and toFloat64OrNull(log_attributes['response.origin_time']) is not null
    and log_attributes['request.path'] not like '/storage/v1/%'
    and log_attributes['request.path'] not like '/realtime/v1/%'
group by method, path
having requests >= 20
order by p95_ms desc, requests desc, method, path
limit 500
