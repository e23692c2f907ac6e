-- Report: live_now
-- One row per circle that is live now, with who is inside.
--
-- Grain: one circle. Inputs: circle_sessions, members. Range: started_at.
-- Units: times in UTC, people.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select title, listeners from reports.live_now order by listeners desc;

drop view if exists reports.live_now;

create view reports.live_now as
select
    circles.circle_id,
    circles.title,
    circles.category,
    circles.privacy,
    circles.host_uid,
    circles.started_at,
    round(extract(epoch from now() - circles.started_at) / 60, 1) as live_minutes,
    coalesce(inside.listeners, 0) as listeners,
    coalesce(inside.on_stage, 0) as on_stage,
    coalesce(inside.connected, 0) as connected,
    inside.speaking,
    circles.peak_listeners,
    now() as as_of
from circle_sessions as circles
left join lateral (
    select
        count(*) filter (where role = 'listener') as listeners,
        count(*) filter (where role <> 'listener') as on_stage,
        count(*) filter (where is_connected) as connected,
        array_agg(uid order by uid) filter (where is_speaking) as speaking
    from members
    where members.circle_id = circles.circle_id
) as inside on true
where circles.started_at is not null and circles.ended_at is null;

comment on view reports.live_now is 'One row per circle that is live now.';
comment on column reports.live_now.circle_id is 'The circle.';
comment on column reports.live_now.title is 'Its title.';
comment on column reports.live_now.category is 'Its category; empty when it has none.';
comment on column reports.live_now.privacy is 'public, private or secret.';
comment on column reports.live_now.host_uid is 'Who created it.';
comment on column reports.live_now.started_at is 'When it went live.';
comment on column reports.live_now.live_minutes is 'Minutes since then.';
comment on column reports.live_now.listeners is 'In the audience now.';
comment on column reports.live_now.on_stage is 'On stage now: speakers, co-hosts, hosts.';
comment on column reports.live_now.connected is 'Of all inside, how many have media on a node.';
comment on column reports.live_now.speaking is 'Who speaks now, by uid; null when nobody does.';
comment on column reports.live_now.peak_listeners is 'Most listeners at once so far.';
comment on column reports.live_now.as_of is 'When this row was read.';
