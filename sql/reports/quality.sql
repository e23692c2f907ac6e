-- Report: quality
-- One row per UTC day, circle, member and direction: loss, jitter, round trips, MOS.
--
-- Grain: one UTC day, circle, member and direction (uplink: from the member). Inputs: quality_days,
-- of what is not at rest yet quality_minutes, circle_placements. Range: day. Ask for a stretch of
-- days: the cost is that of the range.
-- Units: loss 0 to 1; milliseconds; percentiles over minutes. MOS: docs/mos.md. The node is the one
-- that the circle was last placed on.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select uid, loss, mos from reports.quality where circle_id = '…' and direction = 'uplink';

drop view if exists reports.quality;

create view reports.quality as
select
    days.day,
    days.circle_id,
    placements.node_id,
    days.uid,
    days.direction,
    days.minutes,
    days.packets_expected,
    days.packets_lost,
    days.loss,
    days.jitter_ms,
    days.jitter_ms_p95,
    days.rtt_ms_p50,
    days.rtt_ms_p95,
    days.mos,
    now() as as_of
from (
    select
        day, circle_id, uid, direction, minutes, packets_expected, packets_lost, loss, jitter_ms,
        jitter_ms_p95, rtt_ms_p50, rtt_ms_p95, mos
    from quality_days
    union all
    select
        unsettled.day, unsettled.circle_id, uid, direction, minutes, packets_expected,
        packets_lost, loss, jitter_ms, jitter_ms_p95, rtt_ms_p50, rtt_ms_p95, mos
    from quality_days_unsettled as unsettled
    cross join lateral quality_days_of(unsettled.circle_id, unsettled.day) as computed
) as days
left join circle_placements as placements using (circle_id);

comment on view reports.quality is 'One row per UTC day, circle, member and direction of media.';
comment on column reports.quality.day is 'The day, UTC.';
comment on column reports.quality.circle_id is 'The circle.';
comment on column reports.quality.node_id is
    'The node it was last placed on; null when that is not known.';
comment on column reports.quality.uid is 'The member.';
comment on column reports.quality.direction is
    'uplink: from the member to the node; downlink: from the node to the member.';
comment on column reports.quality.minutes is 'Minutes with samples, of all the member''s sessions.';
comment on column reports.quality.packets_expected is 'Packets that should have arrived.';
comment on column reports.quality.packets_lost is
    'Of them, those that did not; below 0 when packets of the day before came late.';
comment on column reports.quality.loss is
    'packets_lost by packets_expected, 0 to 1; null without packets.';
comment on column reports.quality.jitter_ms is 'Mean interarrival jitter.';
comment on column reports.quality.jitter_ms_p95 is
    '95th percentile of the minutes'' highest jitter.';
comment on column reports.quality.rtt_ms_p50 is
    'Median of the minutes'' round trip times; null when unknown.';
comment on column reports.quality.rtt_ms_p95 is '95th percentile of the same.';
comment on column reports.quality.mos is
    'Estimated mean opinion score of listening, 1 to 4.5; null without packets.';
comment on column reports.quality.as_of is 'When this row was read.';
