with
started as (
    select circle_id
    from events
    where event_type = 'circleStarted'
        and occurred_at >= toDateTime64('{from}', 6, 'UTC')
        and occurred_at < toDateTime64('{to}', 6, 'UTC')
),
steps as (
    select
        circle_id, uid, event_type, occurred_at,
        leadInFrame(occurred_at) over (
            partition by circle_id, session_id order by occurred_at, circle_seq
            rows between unbounded preceding and unbounded following
        ) as next_at
    from events
    where event_type in ('speakingStarted', 'speakingStopped')
        and occurred_at >= toDateTime64('{from}', 6, 'UTC')
        and occurred_at < toDateTime64('{to}', 6, 'UTC') + interval 1 day
        and circle_id in (select circle_id from started)
)
select
    circle_id, uid,
    round(sum(
        toUnixTimestamp64Micro(next_at) - toUnixTimestamp64Micro(occurred_at)
    ) / 1000000, 2)
from steps
where event_type = 'speakingStarted'
group by circle_id, uid
order by circle_id, uid
