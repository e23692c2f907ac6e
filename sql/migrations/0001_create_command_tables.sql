-- What the API and Jobs write: the truth of commands.

create table circles (
    circle_id uuid constraint circles_pk primary key,
    title text not null,
    category text not null,
    privacy text not null constraint circles_privacy_check
        check (privacy in ('public', 'private', 'secret')),
    host_uid text not null,
    host_email text,
    co_host_uids text[] not null,
    cover_url text not null,
    start_at timestamptz not null,
    duration_min integer not null,
    max_speakers integer not null,
    max_listeners integer not null,
    mic_policy text not null constraint circles_mic_policy_check
        check (mic_policy in ('pushToTalk', 'open', 'handRaise')),
    status text not null constraint circles_status_check
        check (status in ('scheduled', 'live', 'ended')),
    created_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    -- The API's gap-free numbering of the circle's events, and the time of the last of them:
    -- both move only under the row's lock.
    event_seq bigint not null default 0,
    last_event_at timestamptz not null
);

comment on table circles is 'One row per circle, written by commands only.';

-- The directory reads by (start_at, circle_id), newest first.
create index circles_directory_idx on circles (status, start_at desc, circle_id desc);
-- The creation limit counts a host's rows of the last day.
create index circles_host_idx on circles (host_uid, created_at);

create table invitations (
    circle_id uuid not null constraint invitations_circle_fk references circles,
    uid text not null,
    constraint invitations_pk primary key (circle_id, uid)
);

comment on table invitations is 'Who may enter a private or secret circle beside its hosts.';

create table seats (
    circle_id uuid not null constraint seats_circle_fk references circles,
    uid text not null,
    session_id uuid not null,
    role text not null constraint seats_role_check
        check (role in ('listener', 'speaker', 'coHost', 'host')),
    is_muted boolean not null,
    hand_raised_at timestamptz,
    joined_at timestamptz not null,
    lease_expires_at timestamptz not null,
    constraint seats_pk primary key (circle_id, uid)
);

comment on table seats is 'One lease per member who is in a circle now.';

create table bans (
    circle_id uuid not null constraint bans_circle_fk references circles,
    uid text not null,
    actor_uid text not null,
    reason text not null,
    banned_at timestamptz not null,
    constraint bans_pk primary key (circle_id, uid)
);

create table api_keys (
    key_id uuid constraint api_keys_pk primary key,
    name text not null,
    -- SHA-256 of the key; the key itself is shown once and never stored.
    key_hash bytea not null constraint api_keys_hash_unique unique,
    created_at timestamptz not null,
    revoked_at timestamptz
);

create table outbox (
    outbox_id bigint generated always as identity constraint outbox_pk primary key,
    circle_id uuid not null,
    source_seq bigint not null,
    event_type text not null,
    trace_id text not null,
    record bytea not null,
    created_at timestamptz not null,
    -- Set by the relay when a broker has taken the row; the row itself goes only when Ingest has
    -- stored the event.
    published_at timestamptz,
    kafka_partition integer,
    kafka_offset bigint,
    log_generation bigint,
    -- Which broker took it: another one, at the same place or not, does not have it.
    broker_incarnation text,
    -- How often Ingest read past the published row without storing it.
    rejected_count integer not null default 0,
    constraint outbox_event_unique unique (circle_id, source_seq)
);

comment on table outbox is 'Events of committed commands that Ingest has not stored yet.';

create index outbox_unpublished_idx on outbox (outbox_id) where published_at is null;

create table embedded_brokers (
    incarnation uuid constraint embedded_brokers_pk primary key,
    bootstrap_servers text not null,
    started_at timestamptz not null
);

comment on table embedded_brokers is
    'Where the embedded development broker listens; the newest row counts. Empty in production.';
