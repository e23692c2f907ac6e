-- What Ingest writes of the media's quality: the samples as they came, by day, and their minutes.

create table quality_samples (
    circle_id uuid not null,
    session_id uuid not null,
    direction text not null constraint quality_samples_direction_check
        check (direction in ('uplink', 'downlink')),
    source text not null,
    source_epoch bigint not null,
    sampled_at timestamptz not null,
    source_seq bigint not null,
    uid text not null,
    interval_ms integer not null,
    packets_expected bigint not null,
    packets_transferred bigint not null,
    packets_lost bigint not null,
    packets_discarded bigint not null,
    bytes_transferred bigint not null,
    jitter_us integer not null,
    round_trip_time_us integer,
    fraction_lost real,
    nacks bigint not null,
    retransmissions bigint not null,
    -- The order finds a sample's predecessor, and refuses a sample that came twice.
    constraint quality_samples_pk primary key (
        circle_id, session_id, direction, source, source_epoch, sampled_at, source_seq
    )
) partition by range (sampled_at);

comment on table quality_samples is
    'One row per sample of one direction of a member session. Counters are cumulative since the session''s first media on the source in that epoch: a difference of two rows is exact, whatever is missing between them.';
comment on column quality_samples.direction is
    'uplink: from the member to the node; downlink: from the node to the member.';
comment on column quality_samples.source is 'The SFU node that counted.';
comment on column quality_samples.source_epoch is 'Rises when the node starts: counters begin anew.';
comment on column quality_samples.sampled_at is 'When the node read its counters.';
comment on column quality_samples.source_seq is
    'Number of the batch among those of the circle, source and epoch: 1, 2, 3 … without a gap.';
comment on column quality_samples.interval_ms is
    'Milliseconds between batches, as the node intends.';
comment on column quality_samples.packets_expected is
    'Uplink: by the sequence numbers seen (RFC 3550 A.3). Downlink: sent packets that receiver reports speak of. Cumulative.';
comment on column quality_samples.packets_transferred is
    'Uplink: received. Downlink: sent. Cumulative.';
comment on column quality_samples.packets_lost is
    'Uplink: expected less received. Downlink: as receiver reports say. Cumulative; sinks when late packets arrive.';
comment on column quality_samples.packets_discarded is
    'Uplink: received and not forwarded, because muted or not allowed to speak. Downlink: 0. Cumulative.';
comment on column quality_samples.bytes_transferred is
    'Payload bytes of packets_transferred. Cumulative.';
comment on column quality_samples.jitter_us is 'Interarrival jitter (RFC 3550 6.4.1), microseconds.';
comment on column quality_samples.round_trip_time_us is
    'Round trip time, microseconds; null while unknown.';
comment on column quality_samples.fraction_lost is
    'Downlink: share lost by the last receiver report, 0 to 1. Uplink: null.';
comment on column quality_samples.nacks is 'Uplink: NACKs sent. Downlink: NACKs received. Cumulative.';
comment on column quality_samples.retransmissions is
    'Uplink: retransmitted packets received. Downlink: retransmitted packets sent. Cumulative.';

-- A circle's samples of a minute, over all its sessions.
create index quality_samples_time_idx on quality_samples (circle_id, sampled_at);

create table quality_cursors (
    circle_id uuid not null,
    source text not null,
    source_epoch bigint not null,
    last_seq bigint not null,
    last_sampled_at timestamptz not null,
    constraint quality_cursors_pk primary key (circle_id, source, source_epoch)
);

comment on table quality_cursors is
    'The highest batch number and the latest time stored of each source; what is earlier came late.';

create table quality_minutes (
    circle_id uuid not null,
    session_id uuid not null,
    uid text not null,
    direction text not null,
    minute_at timestamptz not null,
    packets_expected bigint not null,
    packets_lost bigint not null,
    packets_discarded bigint not null,
    jitter_us_avg integer not null,
    jitter_us_max integer not null,
    round_trip_time_us_avg integer,
    round_trip_time_us_max integer,
    sample_count integer not null,
    constraint quality_minutes_pk primary key (circle_id, minute_at, session_id, uid, direction)
);

comment on table quality_minutes is
    'One row per member session, direction and minute: exactly what quality_minutes_of says over quality_samples.';
comment on column quality_minutes.minute_at is 'Begin of the minute.';
comment on column quality_minutes.packets_expected is
    'Packets of this minute: differences between each sample and the one before it, counted where the later one lies; the first counts from 0.';
comment on column quality_minutes.packets_lost is
    'Likewise; below 0 in a minute in which packets arrived that an earlier minute missed.';
comment on column quality_minutes.packets_discarded is 'Likewise.';
comment on column quality_minutes.jitter_us_avg is 'Over the minute''s samples, microseconds.';
comment on column quality_minutes.jitter_us_max is 'Over the minute''s samples, microseconds.';
comment on column quality_minutes.round_trip_time_us_avg is
    'Over the minute''s samples that know it, microseconds; null when none does.';
comment on column quality_minutes.round_trip_time_us_max is
    'Over the minute''s samples that know it, microseconds; null when none does.';
comment on column quality_minutes.sample_count is 'Samples in the minute.';

create index quality_minutes_time_idx on quality_minutes (minute_at);

-- When a version-7 id was made. Source: RFC 9562 §5.7.
create function uuid_created_at(id uuid) returns timestamptz
language sql immutable strict parallel safe as $$
    select to_timestamp(
        ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0
    )
$$;

-- The one definition of quality_minutes: a circle's rows of the minutes from `first_at` up to
-- `end_at`, both full minutes. Ingest writes them by it, `circles verify` holds them against it.
create function quality_minutes_of(circle uuid, first_at timestamptz, end_at timestamptz)
returns setof quality_minutes
language sql stable as $$
    with
    sampled as (
        select
            session_id, uid, direction, source, source_epoch, sampled_at, source_seq,
            packets_expected, packets_lost, packets_discarded, jitter_us, round_trip_time_us,
            lag(packets_expected) over series as former_expected,
            lag(packets_lost) over series as former_lost,
            lag(packets_discarded) over series as former_discarded,
            row_number() over series as series_position
        from quality_samples
        where circle_id = circle and sampled_at >= first_at and sampled_at < end_at
        window series as (
            partition by session_id, direction, source, source_epoch
            order by sampled_at, source_seq
        )
    ),
    differences as (
        select
            session_id, uid, direction, jitter_us, round_trip_time_us,
            date_trunc('minute', sampled_at, 'UTC') as minute_at,
            greatest(
                sampled.packets_expected - coalesce(former_expected, former.packets_expected, 0), 0
            ) as packets_expected,
            sampled.packets_lost - coalesce(former_lost, former.packets_lost, 0) as packets_lost,
            greatest(
                sampled.packets_discarded - coalesce(former_discarded, former.packets_discarded, 0), 0
            ) as packets_discarded
        from sampled
        -- Only the first of each series has its predecessor outside.
        left join lateral (
            select earlier.packets_expected, earlier.packets_lost, earlier.packets_discarded
            from quality_samples as earlier
            where sampled.series_position = 1
                and earlier.circle_id = circle
                and earlier.session_id = sampled.session_id
                and earlier.direction = sampled.direction
                and earlier.source = sampled.source
                and earlier.source_epoch = sampled.source_epoch
                and earlier.sampled_at < first_at
                -- Ingest takes no sample that is older: partitions before it are not looked at.
                and earlier.sampled_at >= uuid_created_at(circle) - interval '1 day'
            order by earlier.sampled_at desc, earlier.source_seq desc
            limit 1
        ) as former on true
    )
    select
        circle, session_id, uid, direction, minute_at,
        sum(packets_expected)::bigint,
        sum(packets_lost)::bigint,
        sum(packets_discarded)::bigint,
        round(avg(jitter_us))::integer,
        max(jitter_us),
        round(avg(round_trip_time_us))::integer,
        max(round_trip_time_us),
        count(*)::integer
    from differences
    group by session_id, uid, direction, minute_at
$$;
