-- Columns: circle_id, uid, round(talk_seconds, 2)
-- Where: talk_seconds > 0
with
started as (
    select circle_id
    from events
    where event_type = 'circleStarted' and occurred_at >= '{from}' and occurred_at < '{to}'
),
steps as (
    select
        circle_id, uid, event_type, occurred_at,
        lead(occurred_at) over (
            partition by circle_id, session_id order by occurred_at, circle_seq
        ) as next_at
    from events
    where event_type in ('speakingStarted', 'speakingStopped')
        and occurred_at >= '{from}'
        and occurred_at < '{to}'::timestamptz + interval '1 day'
        and circle_id in (select circle_id from started)
)
select circle_id, uid, round(sum(extract(epoch from next_at - occurred_at)), 2)
from steps
where event_type = 'speakingStarted'
group by circle_id, uid
order by circle_id, uid collate "C"
