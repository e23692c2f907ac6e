-- Report: listener_drop_off
-- One row per minute of a circle: who stays, and who was speaking.
--
-- Grain: one minute of a circle from its first join on. Inputs: circle_minutes, talk_minutes,
-- circle_sessions. Range: minute_at. Ask for a circle or a stretch of time.
-- Units: people; survival is the Kaplan-Meier estimate over the circle's minutes: the product of
-- 1 - dropped / at_risk, where at_risk is who was inside before the minute and who joined in it.
-- Those whom the circle's end sent home did not drop off.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select minute_number, survival, speakers from reports.listener_drop_off
--     where circle_id = '…' order by minute_number;

drop view if exists reports.listener_drop_off;

create view reports.listener_drop_off as
with
minutes as (
    select
        circle_id, minute_at, listeners, joins,
        leaves - leaves_by_end as dropped,
        row_number() over circle as minute_number,
        coalesce(lag(listeners + speakers) over circle, 0) + joins as at_risk
    from circle_minutes
    window circle as (partition by circle_id order by minute_at)
)
select
    circle_id,
    title,
    minute_number,
    minute_at,
    listeners,
    joins,
    at_risk,
    dropped,
    round(
        exp(
            sum(case when dropped < at_risk then ln(1 - dropped::numeric / at_risk) else 0 end)
                over so_far
        ) * (max((dropped > 0 and dropped = at_risk)::integer) over so_far = 0)::integer,
        4
    ) as survival,
    (
        select array_agg(uid order by talk_us desc, uid)
        from (
            select uid, sum(talk_us) as talk_us
            from talk_minutes
            where talk_minutes.circle_id = minutes.circle_id
                and talk_minutes.minute_at = minutes.minute_at
            group by uid
        ) as talk
    ) as speakers,
    now() as as_of
from minutes
join circle_sessions using (circle_id)
window so_far as (partition by circle_id order by minute_at);

comment on view reports.listener_drop_off is 'One row per minute of a circle.';
comment on column reports.listener_drop_off.circle_id is 'The circle.';
comment on column reports.listener_drop_off.title is 'Its title.';
comment on column reports.listener_drop_off.minute_number is '1 for the minute of the first join.';
comment on column reports.listener_drop_off.minute_at is 'Begin of the minute.';
comment on column reports.listener_drop_off.listeners is 'In the audience at its end.';
comment on column reports.listener_drop_off.joins is 'Who came in it.';
comment on column reports.listener_drop_off.at_risk is 'Who was inside before it or came in it.';
comment on column reports.listener_drop_off.dropped is
    'Who left in it, other than by the circle''s end.';
comment on column reports.listener_drop_off.survival is
    'Estimated share who stay to the end of this minute, 0 to 1.';
comment on column reports.listener_drop_off.speakers is
    'Who spoke in it, most first; null when nobody did.';
comment on column reports.listener_drop_off.as_of is 'When this row was read.';
