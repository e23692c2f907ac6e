with
sessions as (
    select
        circle_id, session_id,
        minIf(occurred_at, event_type = 'memberJoined') as joined_at,
        countIf(event_type = 'memberJoined') as joins,
        countIf(event_type = 'mediaConnected') > 0 as is_connected
    from events
    where event_type in ('memberJoined', 'mediaConnected')
        and occurred_at >= toDateTime64('{from}', 6, 'UTC')
        and occurred_at < toDateTime64('{to}', 6, 'UTC') + interval 1 day
    group by circle_id, session_id
)
select toDate(joined_at) as day, count(), countIf(is_connected)
from sessions
where joins > 0 and joined_at < toDateTime64('{to}', 6, 'UTC')
group by day
order by day
