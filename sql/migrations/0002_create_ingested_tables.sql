-- What Ingest writes. Every table up to ingest_gaps is a fold over the events: the same set of
-- events gives the same rows, whatever the order and number of their arrivals.

create table circle_sessions (
    circle_id uuid constraint circle_sessions_pk primary key,
    title text not null,
    category text not null,
    privacy text not null,
    host_uid text not null,
    created_at timestamptz,
    scheduled_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    peak_listeners integer not null,
    peak_listeners_at timestamptz,
    peak_speakers integer not null,
    peak_speakers_at timestamptz,
    -- Participant-time of the attendances that are over, in microseconds.
    participant_us bigint not null,
    total_minutes numeric(16, 3) not null
        generated always as (round(participant_us / 60000000.0, 3)) stored,
    attendance_count integer not null,
    member_count integer not null,
    hand_raise_count integer not null,
    promotion_count integer not null,
    demotion_count integer not null,
    mute_count integer not null,
    kick_count integer not null,
    ban_count integer not null
);

comment on table circle_sessions is 'One row per circle: its times, peaks and totals.';

create index circle_sessions_started_idx on circle_sessions (started_at);
create index circle_sessions_ended_idx on circle_sessions (ended_at);

create table members (
    circle_id uuid not null,
    uid text not null,
    session_id uuid not null,
    role text not null,
    is_muted boolean not null,
    is_connected boolean not null,
    joined_at timestamptz not null,
    last_spoke_at timestamptz,
    constraint members_pk primary key (circle_id, uid)
);

comment on table members is 'Who is in a circle now.';

create table hand_raises (
    circle_id uuid not null,
    session_id uuid not null,
    -- 1 for the session's first.
    raise_number integer not null,
    uid text not null,
    raised_at timestamptz not null,
    lowered_at timestamptz,
    lower_reason text,
    constraint hand_raises_pk primary key (circle_id, session_id, raise_number)
);

comment on table hand_raises is 'Every raised hand; lowered_at is null while it is up.';

create table attendances (
    circle_id uuid not null,
    session_id uuid not null,
    uid text not null,
    joined_at timestamptz not null,
    left_at timestamptz,
    leave_reason text,
    first_role text not null,
    last_role text not null,
    -- Every role in turn with the time it began: [{"role": …, "at": …}], times in µs.
    roles jsonb not null,
    stage_us bigint not null,
    talk_us bigint not null,
    hand_raise_count integer not null,
    promotion_count integer not null,
    was_kicked boolean not null,
    ice_ms integer,
    dtls_ms integer,
    first_packet_ms integer,
    constraint attendances_pk primary key (circle_id, session_id)
);

comment on table attendances is 'One row per member session, resumes included.';

create index attendances_uid_idx on attendances (uid, joined_at);

create table ingest_cursors (
    circle_id uuid not null,
    source text not null,
    source_epoch bigint not null,
    last_seq bigint not null,
    constraint ingest_cursors_pk primary key (circle_id, source, source_epoch)
);

comment on table ingest_cursors is 'The highest sequence number stored of each source.';

create table ingest_gaps (
    circle_id uuid not null,
    source text not null,
    source_epoch bigint not null,
    first_seq bigint not null,
    last_seq bigint not null,
    constraint ingest_gaps_pk primary key (circle_id, source, source_epoch, first_seq)
);

comment on table ingest_gaps is
    'Sequence numbers below the cursor that never arrived; a row goes when they do.';

-- The two tables below are about the log and not folds over it.

create table ingest_offsets (
    topic text not null,
    kafka_partition integer not null,
    next_offset bigint not null,
    -- The identity of the record before next_offset, to notice a log that restarted.
    last_fingerprint bigint,
    log_generation bigint not null,
    -- The fence: a worker writes only while this is the number it was given.
    claim_epoch bigint not null,
    claimed_by text not null,
    claimed_at timestamptz not null,
    constraint ingest_offsets_pk primary key (topic, kafka_partition)
);

create table dead_letters (
    topic text not null,
    kafka_partition integer not null,
    log_generation bigint not null,
    kafka_offset bigint not null,
    reason text not null,
    record_key bytea,
    record bytea,
    recorded_at timestamptz not null,
    constraint dead_letters_pk primary key (topic, kafka_partition, log_generation, kafka_offset)
);

comment on table dead_letters is 'Records that could not be read, kept with their place in the log.';
