-- Columns: day, sum(stays), coalesce(sum(stays) filter (where outcome <> 'unconnected'), 0)
-- Group: day
with
sessions as (
    select
        circle_id, session_id,
        min(occurred_at) filter (where event_type = 'memberJoined') as joined_at,
        bool_or(event_type = 'mediaConnected') as is_connected
    from events
    where event_type in ('memberJoined', 'mediaConnected')
        and occurred_at >= '{from}'
        and occurred_at < '{to}'::timestamptz + interval '1 day'
    group by circle_id, session_id
)
select
    (joined_at at time zone 'UTC')::date as day, count(*), count(*) filter (where is_connected)
from sessions
where joined_at < '{to}'
group by 1
order by 1
