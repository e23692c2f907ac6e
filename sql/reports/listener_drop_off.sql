-- Report: listener_drop_off
-- One row per minute of a circle: who stays, and who was speaking.
--
-- Grain: one minute of a circle from its first join on. Inputs: circle_minutes, talk_minutes,
-- circle_sessions. Range: started_at. Ask for a circle or a stretch of time.
-- Units: people; survival is the Kaplan-Meier estimate over the circle's minutes: the product of
-- 1 - dropped / at_risk, where at_risk is who was inside before the minute and who joined in it.
-- Those whom the circle's end sent home did not drop off.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select minute_number, survival, speakers from reports.listener_drop_off
--     where circle_id = '…' order by minute_number;

drop view if exists reports.listener_drop_off;

create view reports.listener_drop_off as
select
    circles.circle_id,
    circles.title,
    circles.started_at,
    minutes.minute_number,
    minutes.minute_at,
    minutes.listeners,
    minutes.joins,
    minutes.at_risk,
    minutes.dropped,
    round(minutes.survival::numeric, 4) as survival,
    minutes.speakers,
    now() as as_of
from circle_sessions as circles
cross join lateral (
    with
    counted as (
        select
            minute_at, listeners, joins,
            leaves - leaves_by_end as dropped,
            row_number() over earlier as minute_number,
            coalesce(lag(listeners + speakers) over earlier, 0) + joins as at_risk
        from circle_minutes
        where circle_minutes.circle_id = circles.circle_id
        window earlier as (order by minute_at)
    ),
    talk as (
        select minute_at, array_agg(uid order by talk_us desc, uid) as speakers
        from (
            select minute_at, uid, sum(talk_us) as talk_us
            from talk_minutes
            where talk_minutes.circle_id = circles.circle_id
            group by minute_at, uid
        ) as talked
        group by minute_at
    )
    select
        minute_number, minute_at, listeners, joins, at_risk, dropped, speakers,
        -- A minute in which everybody left brings it to 0 for good.
        case
            when bool_or(dropped > 0 and dropped = at_risk) over so_far then 0
            else exp(
                sum(case when dropped < at_risk then ln(1 - dropped::float8 / at_risk) end)
                    over so_far
            )
        end as survival
    from counted
    left join talk using (minute_at)
    window so_far as (order by minute_at)
) as minutes
where circles.started_at is not null;

comment on view reports.listener_drop_off is 'One row per minute of a circle.';
comment on column reports.listener_drop_off.circle_id is 'The circle.';
comment on column reports.listener_drop_off.title is 'Its title.';
comment on column reports.listener_drop_off.started_at is 'When it went live.';
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
