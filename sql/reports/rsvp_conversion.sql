-- Report: rsvp_conversion
-- One row per circle: who meant to come, was reminded, came and stayed.
--
-- Grain: one circle with RSVPs. Inputs: circle_rsvps, circle_day_members, circle_sessions, the view
-- reminders_sent. Range: starts_at.
-- Units: people; stayed: at least ten minutes inside, in stays that are over. Those who withdrew
-- count in rsvps only. starts_at: when it was to begin.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select title, attended_share from reports.rsvp_conversion order by starts_at;

drop view if exists reports.rsvp_conversion;

create view reports.rsvp_conversion as
select
    circles.circle_id,
    circles.title,
    coalesce(circles.scheduled_at, circles.started_at, circles.created_at) as starts_at,
    answers.rsvps,
    answers.withdrawn,
    answers.rsvps - answers.withdrawn as expected,
    answers.reminded,
    answers.attended,
    answers.stayed,
    round(
        answers.attended::numeric / nullif(answers.rsvps - answers.withdrawn, 0), 4
    ) as attended_share,
    round(
        answers.stayed::numeric / nullif(answers.rsvps - answers.withdrawn, 0), 4
    ) as stayed_share,
    now() as as_of
from circle_sessions as circles
cross join lateral (
    select
        count(*) as rsvps,
        count(*) filter (where withdrawn_at is not null) as withdrawn,
        count(*) filter (where withdrawn_at is null and is_reminded) as reminded,
        count(*) filter (where withdrawn_at is null and inside_us is not null) as attended,
        count(*) filter (where withdrawn_at is null and inside_us >= 600000000) as stayed
    from circle_rsvps as rsvps
    cross join lateral (
        select sum(participant_us) as inside_us
        from circle_day_members as inside
        where inside.circle_id = circles.circle_id and inside.uid = rsvps.uid
    ) as inside
    cross join lateral (
        select exists (
            select
            from reminders_sent
            where reminders_sent.circle_id = circles.circle_id and reminders_sent.uid = rsvps.uid
        ) as is_reminded
    ) as reminders
    where rsvps.circle_id = circles.circle_id
) as answers
where answers.rsvps > 0;

comment on view reports.rsvp_conversion is 'One row per circle with RSVPs.';
comment on column reports.rsvp_conversion.circle_id is 'The circle.';
comment on column reports.rsvp_conversion.title is 'Its title.';
comment on column reports.rsvp_conversion.starts_at is 'When it was to begin.';
comment on column reports.rsvp_conversion.rsvps is 'Who ever meant to come.';
comment on column reports.rsvp_conversion.withdrawn is 'Who thought better of it.';
comment on column reports.rsvp_conversion.expected is 'The others.';
comment on column reports.rsvp_conversion.reminded is 'Of the expected, who was sent a reminder.';
comment on column reports.rsvp_conversion.attended is 'Of the expected, who came.';
comment on column reports.rsvp_conversion.stayed is
    'Of the expected, who was inside for ten minutes or more.';
comment on column reports.rsvp_conversion.attended_share is
    'attended by expected, 0 to 1; null when none is expected.';
comment on column reports.rsvp_conversion.stayed_share is
    'stayed by expected, 0 to 1; null when none is expected.';
comment on column reports.rsvp_conversion.as_of is 'When this row was read.';
