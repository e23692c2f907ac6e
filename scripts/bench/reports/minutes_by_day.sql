-- Columns: day, circles, stays, members
with
stays as (
    select
        events.circle_id, session_id, min(uid) as uid,
        min(occurred_at) filter (where event_type = 'memberJoined') as joined_at,
        coalesce(
            min(occurred_at) filter (where event_type = 'memberLeft'), min(ends.ended_at)
        ) as left_at
    from events
    left join (
        select circle_id, min(occurred_at) as ended_at
        from events
        where event_type = 'circleEnded'
            and occurred_at >= '{from}'::timestamptz - interval '1 day'
            and occurred_at < '{to}'::timestamptz + interval '1 day'
        group by circle_id
    ) as ends using (circle_id)
    where event_type in ('memberJoined', 'memberLeft')
        and occurred_at >= '{from}'::timestamptz - interval '1 day'
        and occurred_at < '{to}'::timestamptz + interval '1 day'
    group by events.circle_id, session_id
),
days as (
    select circle_id, uid, (generate_series(
        date_trunc('day', joined_at, 'UTC'), left_at - interval '1 microsecond', '1 day'
    ) at time zone 'UTC')::date as day
    from stays
)
select day, count(distinct circle_id), count(*), count(distinct uid)
from days
where day >= '{from}'::date and day < '{to}'::date
group by day
order by day
