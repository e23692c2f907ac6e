with
started as (
    select circle_id, min(occurred_at) as started_at
    from events
    where event_type = 'circleStarted'
    group by circle_id
),
hosts as (select circle_id, actor_uid as host_uid from events where event_type = 'circleCreated'),
stays as (
    select circle_id, uniqExact(session_id) as stays
    from events
    where event_type = 'memberJoined'
    group by circle_id
)
select host_uid, count(), sum(stays)
from started
join hosts using (circle_id)
left join stays using (circle_id)
group by host_uid
having max(started_at) >= toDateTime64('{from}', 6, 'UTC')
    and max(started_at) < toDateTime64('{to}', 6, 'UTC')
order by host_uid
