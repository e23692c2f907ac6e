-- Where: joins + leaves > 0
-- Columns: (extract(epoch from minute_at) / 60)::bigint, members, joins, leaves
with
ends as (
    select circle_id, min(occurred_at) as ended_at
    from events
    where event_type = 'circleEnded'
        and occurred_at >= '{from}'::timestamptz - interval '1 day'
        and occurred_at < '{to}'::timestamptz + interval '1 day'
    group by circle_id
),
stays as (
    select
        events.circle_id, session_id,
        min(occurred_at) filter (where event_type = 'memberJoined') as joined_at,
        coalesce(min(occurred_at) filter (where event_type = 'memberLeft'), min(ended_at))
            as left_at
    from events
    left join ends using (circle_id)
    where event_type in ('memberJoined', 'memberLeft')
        and occurred_at >= '{from}'::timestamptz - interval '1 day'
        and occurred_at < '{to}'::timestamptz + interval '1 day'
    group by events.circle_id, session_id
),
steps as (
    select
        floor(extract(epoch from joined_at) / 60)::bigint as minute, 1 as joins, 0 as leaves
    from stays
    where joined_at is not null
    union all
    select floor(extract(epoch from left_at) / 60)::bigint, 0, 1
    from stays
    where joined_at is not null
),
minutes as (
    select minute, sum(joins) as joins, sum(leaves) as leaves,
        sum(sum(joins) - sum(leaves)) over (order by minute) as members
    from steps
    group by minute
)
select minute, members, joins, leaves
from minutes
where joins + leaves > 0
    and minute >= extract(epoch from '{from}'::timestamptz) / 60
    and minute < extract(epoch from '{to}'::timestamptz) / 60
order by minute
