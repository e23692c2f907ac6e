with
ends as (
    select circle_id, min(occurred_at) as ended_at
    from events
    where event_type = 'circleEnded'
        and occurred_at >= toDateTime64('{from}', 6, 'UTC') - interval 1 day
        and occurred_at < toDateTime64('{to}', 6, 'UTC') + interval 1 day
    group by circle_id
),
stays as (
    select
        circle_id, session_id, any(uid) as uid,
        minIf(occurred_at, event_type = 'memberJoined') as joined_at,
        minIf(occurred_at, event_type = 'memberLeft') as said_at,
        countIf(event_type = 'memberLeft') as said
    from events
    where event_type in ('memberJoined', 'memberLeft')
        and occurred_at >= toDateTime64('{from}', 6, 'UTC') - interval 1 day
        and occurred_at < toDateTime64('{to}', 6, 'UTC') + interval 1 day
    group by circle_id, session_id
),
days as (
    select
        circle_id, uid,
        toDate(joined_at) + arrayJoin(range(0, toUInt32(
            toDate(if(said > 0, said_at, ended_at) - interval 1 microsecond) - toDate(joined_at)
        ) + 1)) as day
    from stays
    left join ends using (circle_id)
)
select day, uniqExact(circle_id), count(), uniqExact(uid)
from days
where day >= toDate('{from}') and day < toDate('{to}')
group by day
order by day
