with
steps as (
    select
        event_type, occurred_at as asked_at,
        leadInFrame(event_type) over session as next_type,
        leadInFrame(reason) over session as next_reason
    from events
    where event_type in ('handRaised', 'handLowered')
        and occurred_at >= toDateTime64('{from}', 6, 'UTC')
        and occurred_at < toDateTime64('{to}', 6, 'UTC') + interval 1 day
    window session as (
        partition by circle_id, session_id order by occurred_at, circle_seq
        rows between unbounded preceding and unbounded following
    )
)
select
    toDate(asked_at) as day, count(),
    countIf(next_type = 'handLowered' and next_reason = 'promoted'),
    countIf(next_type = 'handLowered' and next_reason = 'withdrawn')
from steps
where event_type = 'handRaised' and asked_at < toDateTime64('{to}', 6, 'UTC')
group by day
order by day
