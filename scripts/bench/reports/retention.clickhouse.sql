with
ends as (
    select circle_id, min(occurred_at) as ended_at
    from events
    where event_type = 'circleEnded'
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
    group by circle_id, session_id
),
days as (
    select distinct
        uid,
        toDate(joined_at) + arrayJoin(range(0, toUInt32(
            toDate(if(said > 0, said_at, ended_at) - interval 1 microsecond) - toDate(joined_at)
        ) + 1)) as day
    from stays
    left join ends using (circle_id)
),
firsts as (select uid, min(day) as first_day from days group by uid)
select
    first_day, countIf(day = first_day),
    if(today() > first_day + 1, toNullable(countIf(day - first_day = 1)), null),
    if(today() > first_day + 7, toNullable(countIf(day - first_day = 7)), null),
    if(today() > first_day + 30, toNullable(countIf(day - first_day = 30)), null)
from days
join firsts using (uid)
group by first_day
having first_day >= toDate('{from}') and first_day < toDate('{to}')
order by first_day
