-- Columns: circle_id, uid, direction, packets_expected, packets_lost
with
differences as (
    select
        circle_id, uid, direction, sampled_at,
        packets_expected - coalesce(lag(packets_expected) over series, 0) as packets_expected,
        packets_lost - coalesce(lag(packets_lost) over series, 0) as packets_lost
    from quality_samples
    where sampled_at >= '{from}'::timestamptz - interval '1 day' and sampled_at < '{to}'
    window series as (
        partition by circle_id, session_id, direction, source, source_epoch
        order by sampled_at, source_seq
    )
)
select circle_id, uid, direction, sum(packets_expected), sum(packets_lost)
from differences
where sampled_at >= '{from}'
group by circle_id, uid, direction
order by circle_id, uid collate "C", direction
