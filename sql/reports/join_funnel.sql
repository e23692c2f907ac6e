-- Report: join_funnel
-- One row per UTC day and outcome: how joins went, and how long each step took.
--
-- Grain: one UTC day of joining and outcome. Inputs: join_days, of what
-- is not at rest yet attendances. Range: day. The cost is that of the range.
-- outcome: heard (a media packet came), silent (media was up, no packet), or unconnected: and the
-- cause is why the stay ended; inside while it has not.
-- Units: stays; milliseconds. seat: from the seat to the node's word that media is up; ice, dtls,
-- first packet: since signalling began.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select day, outcome, stays, first_packet_ms_p95 from reports.join_funnel;

drop view if exists reports.join_funnel;

create view reports.join_funnel as
select
    day,
    outcome,
    cause,
    stays,
    round(stays / sum(stays) over (partition by day), 4) as share,
    seat_ms_p50,
    seat_ms_p95,
    seat_ms_p99,
    ice_ms_p50,
    ice_ms_p95,
    ice_ms_p99,
    dtls_ms_p50,
    dtls_ms_p95,
    dtls_ms_p99,
    first_packet_ms_p50,
    first_packet_ms_p95,
    first_packet_ms_p99,
    now() as as_of
from (
    select
        day, outcome, cause, stays, seat_ms_p50, seat_ms_p95, seat_ms_p99, ice_ms_p50, ice_ms_p95,
        ice_ms_p99, dtls_ms_p50, dtls_ms_p95, dtls_ms_p99, first_packet_ms_p50,
        first_packet_ms_p95, first_packet_ms_p99
    from join_days
    union all
    select
        unsettled.day, outcome, cause, stays, seat_ms_p50, seat_ms_p95, seat_ms_p99, ice_ms_p50,
        ice_ms_p95, ice_ms_p99, dtls_ms_p50, dtls_ms_p95, dtls_ms_p99, first_packet_ms_p50,
        first_packet_ms_p95, first_packet_ms_p99
    from join_days_unsettled as unsettled
    cross join lateral join_days_of(unsettled.day) as computed
) as days;

comment on view reports.join_funnel is 'One row per UTC day, outcome and cause.';
comment on column reports.join_funnel.day is 'The day of joining, UTC.';
comment on column reports.join_funnel.outcome is 'heard, silent or unconnected.';
comment on column reports.join_funnel.cause is
    'Why the stay ended: left, kicked, circleEnded, timeout, leaseExpired, replaced; inside while it has not.';
comment on column reports.join_funnel.stays is 'Member sessions.';
comment on column reports.join_funnel.share is 'Of all stays that began on the day, 0 to 1.';
comment on column reports.join_funnel.seat_ms_p50 is
    'From the seat to media, milliseconds, median.';
comment on column reports.join_funnel.seat_ms_p95 is
    'From the seat to media, milliseconds, 95th percentile.';
comment on column reports.join_funnel.seat_ms_p99 is
    'From the seat to media, milliseconds, 99th percentile.';
comment on column reports.join_funnel.ice_ms_p50 is 'ICE nominated, milliseconds, median.';
comment on column reports.join_funnel.ice_ms_p95 is 'ICE nominated, milliseconds, 95th percentile.';
comment on column reports.join_funnel.ice_ms_p99 is 'ICE nominated, milliseconds, 99th percentile.';
comment on column reports.join_funnel.dtls_ms_p50 is 'DTLS finished, milliseconds, median.';
comment on column reports.join_funnel.dtls_ms_p95 is
    'DTLS finished, milliseconds, 95th percentile.';
comment on column reports.join_funnel.dtls_ms_p99 is
    'DTLS finished, milliseconds, 99th percentile.';
comment on column reports.join_funnel.first_packet_ms_p50 is
    'First media packet, milliseconds, median.';
comment on column reports.join_funnel.first_packet_ms_p95 is
    'First media packet, milliseconds, 95th percentile.';
comment on column reports.join_funnel.first_packet_ms_p99 is
    'First media packet, milliseconds, 99th percentile.';
comment on column reports.join_funnel.as_of is 'When this row was read.';
