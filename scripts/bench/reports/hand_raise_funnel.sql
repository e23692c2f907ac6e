-- Columns: day, asked, accepted, declined
-- Where: kind = 'hand'
with
steps as (
    select
        event_type, occurred_at as asked_at,
        lead(event_type) over session as next_type, lead(reason) over session as next_reason
    from events
    where event_type in ('handRaised', 'handLowered')
        and occurred_at >= '{from}'::timestamptz
        and occurred_at < '{to}'::timestamptz + interval '1 day'
    window session as (partition by circle_id, session_id order by occurred_at, circle_seq)
)
select
    (asked_at at time zone 'UTC')::date as day, count(*),
    count(*) filter (where next_type = 'handLowered' and next_reason = 'promoted'),
    count(*) filter (where next_type = 'handLowered' and next_reason = 'withdrawn')
from steps
where event_type = 'handRaised' and asked_at < '{to}'
group by 1
order by 1
