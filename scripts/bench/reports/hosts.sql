-- Columns: host_uid, circles, attendances
with
started as (
    select circle_id, min(occurred_at) as started_at
    from events
    where event_type = 'circleStarted'
    group by circle_id
),
hosts as (select circle_id, actor_uid as host_uid from events where event_type = 'circleCreated'),
stays as (
    select circle_id, count(distinct session_id) as stays
    from events
    where event_type = 'memberJoined'
    group by circle_id
)
select host_uid, count(*), coalesce(sum(stays), 0)
from started
join hosts using (circle_id)
left join stays using (circle_id)
group by host_uid
having max(started_at) >= '{from}' and max(started_at) < '{to}'
order by host_uid collate "C"
