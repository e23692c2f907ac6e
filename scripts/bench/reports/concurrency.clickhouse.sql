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
        circle_id, session_id,
        minIf(occurred_at, event_type = 'memberJoined') as joined_at,
        minIf(occurred_at, event_type = 'memberLeft') as said_at,
        countIf(event_type = 'memberJoined') as joined,
        countIf(event_type = 'memberLeft') as said
    from events
    where event_type in ('memberJoined', 'memberLeft')
        and occurred_at >= toDateTime64('{from}', 6, 'UTC') - interval 1 day
        and occurred_at < toDateTime64('{to}', 6, 'UTC') + interval 1 day
    group by circle_id, session_id
),
steps as (
    select
        intDiv(toUnixTimestamp(tupleElement(step, 1)), 60) as minute,
        tupleElement(step, 2) as joins, tupleElement(step, 3) as leaves
    from stays
    left join ends using (circle_id)
    array join [(joined_at, 1, 0), (if(said > 0, said_at, ended_at), 0, 1)] as step
    where joined > 0
),
minutes as (
    select minute, sum(joins) as joins, sum(leaves) as leaves from steps group by minute
),
summed as (
    select
        minute, joins, leaves,
        sum(toInt64(joins) - toInt64(leaves)) over (order by minute) as members
    from minutes
)
select minute, members, joins, leaves
from summed
where minute >= toUnixTimestamp(toDateTime('{from}', 'UTC')) / 60
    and minute < toUnixTimestamp(toDateTime('{to}', 'UTC')) / 60
order by minute
