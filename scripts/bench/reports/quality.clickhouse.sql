with
differences as (
    select
        circle_id, uid, direction, sampled_at,
        packets_expected - lagInFrame(packets_expected, 1, 0) over series as expected,
        packets_lost - lagInFrame(packets_lost, 1, 0) over series as lost
    from quality_samples
    where sampled_at >= toDateTime64('{from}', 6, 'UTC') - interval 1 day
        and sampled_at < toDateTime64('{to}', 6, 'UTC')
    window series as (
        partition by circle_id, session_id, direction, source, source_epoch
        order by sampled_at, source_seq
        rows between unbounded preceding and current row
    )
)
select circle_id, uid, direction, sum(expected), sum(lost)
from differences
where sampled_at >= toDateTime64('{from}', 6, 'UTC')
group by circle_id, uid, direction
order by circle_id, uid, direction
