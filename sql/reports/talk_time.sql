-- Report: talk_time
-- One row per circle and speaker: how long they spoke, and which share of all speech.
--
-- Grain: one circle and member who was on stage or spoke. Inputs: attendances, circle_sessions.
-- Range: started_at.
-- Units: seconds of speech and of stays on stage that are over; shares 0 to 1.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select uid, talk_share from reports.talk_time where circle_id = '…';

drop view if exists reports.talk_time;

create view reports.talk_time as
select
    circles.circle_id,
    circles.title,
    circles.started_at,
    speakers.uid,
    speakers.uid = circles.host_uid as is_creator,
    round(speakers.talk_us / 1000000.0, 3) as talk_seconds,
    round(speakers.stage_us / 1000000.0, 3) as stage_seconds,
    round(
        speakers.talk_us / nullif(sum(speakers.talk_us) over circle, 0), 4
    ) as talk_share,
    rank() over (circle order by speakers.talk_us desc) as place,
    now() as as_of
from circle_sessions as circles
cross join lateral (
    select uid, sum(talk_us) as talk_us, sum(stage_us) as stage_us
    from attendances
    where attendances.circle_id = circles.circle_id
    group by uid
    having sum(talk_us) > 0 or sum(stage_us) > 0
) as speakers
where circles.started_at is not null
window circle as (partition by circles.circle_id, circles.started_at);

comment on view reports.talk_time is 'One row per circle and speaker.';
comment on column reports.talk_time.circle_id is 'The circle.';
comment on column reports.talk_time.title is 'Its title.';
comment on column reports.talk_time.started_at is 'When it went live.';
comment on column reports.talk_time.uid is 'The speaker.';
comment on column reports.talk_time.is_creator is 'Whether they created the circle.';
comment on column reports.talk_time.talk_seconds is 'Seconds of speech.';
comment on column reports.talk_time.stage_seconds is
    'Seconds on stage, in the stays there that are over.';
comment on column reports.talk_time.talk_share is
    'Of all speech in the circle, 0 to 1; null when nobody spoke.';
comment on column reports.talk_time.place is '1 for who spoke most.';
comment on column reports.talk_time.as_of is 'When this row was read.';
