-- Three circles with people in and around them, for trying queries and policies in a database that is
-- migrated and otherwise empty:
--     psql "$DATABASE_URL" -f sql/samples/circles.sql
-- Command tables only: what Ingest writes comes from events, and `circles demo` makes those.

begin;

insert into circles (
    circle_id, title, category, privacy, creator_uid, host_uid, host_email, co_host_uids, cover_url,
    start_at, duration_min, max_speakers, max_listeners, mic_policy, status, created_at, started_at,
    last_event_at
)
values
    (
        '019ab000-0000-7000-8000-000000000001', 'Vinyl night', 'music', 'public', 'ada', 'ada',
        'ada@example.org', '{bob}', '', now() - interval '20 minutes', 60, 8, 100, 'handRaise',
        'live', now() - interval '21 minutes', now() - interval '20 minutes', now()
    ),
    (
        '019ab000-0000-7000-8000-000000000002', 'Demo tape session', 'music', 'secret', 'cleo',
        'cleo', 'cleo@example.org', '{}', '', now() - interval '5 minutes', 30, 4, 10, 'open',
        'live', now() - interval '6 minutes', now() - interval '5 minutes', now()
    ),
    (
        '019ab000-0000-7000-8000-000000000003', 'Mixing for beginners', 'learning', 'private', 'ada',
        'ada', 'ada@example.org', '{}', '', now() + interval '2 days', 90, 8, 100, 'handRaise',
        'scheduled', now() - interval '1 hour', null, now()
    );

insert into invitations (circle_id, uid)
values
    ('019ab000-0000-7000-8000-000000000002', 'dan'),
    ('019ab000-0000-7000-8000-000000000002', 'eve'),
    ('019ab000-0000-7000-8000-000000000003', 'eve');

insert into seats (
    circle_id, uid, session_id, role, is_muted, hand_raised_at, joined_at, lease_expires_at,
    device_id, is_secret
)
values
    (
        '019ab000-0000-7000-8000-000000000001', 'ada', '019ab000-0000-7000-8000-0000000000a1',
        'host', false, null, now() - interval '20 minutes', now() + interval '1 hour', 'phone',
        false
    ),
    (
        '019ab000-0000-7000-8000-000000000001', 'dan', '019ab000-0000-7000-8000-0000000000a2',
        'speaker', true, null, now() - interval '18 minutes', now() + interval '1 hour', null, false
    ),
    (
        '019ab000-0000-7000-8000-000000000001', 'eve', '019ab000-0000-7000-8000-0000000000a3',
        'listener', false, now() - interval '1 minute', now() - interval '9 minutes',
        now() + interval '1 hour', 'tablet', false
    ),
    (
        '019ab000-0000-7000-8000-000000000002', 'cleo', '019ab000-0000-7000-8000-0000000000a4',
        'host', false, null, now() - interval '5 minutes', now() + interval '1 hour', null, true
    ),
    (
        '019ab000-0000-7000-8000-000000000002', 'dan', '019ab000-0000-7000-8000-0000000000a5',
        'listener', false, null, now() - interval '4 minutes', now() + interval '1 hour', null, true
    );

insert into bans (circle_id, uid, actor_uid, reason, banned_at)
values (
    '019ab000-0000-7000-8000-000000000001', 'troll', 'ada', 'shouting', now() - interval '3 minutes'
);

insert into moderation_audit (
    circle_id, actor_uid, action, target_uid, reason, acted_at, source_seq, trace_id
)
values
    (
        '019ab000-0000-7000-8000-000000000001', 'bob', 'memberMuted', 'dan', '',
        now() - interval '4 minutes', 9, 'sample'
    ),
    (
        '019ab000-0000-7000-8000-000000000001', 'ada', 'memberBanned', 'troll', 'shouting',
        now() - interval '3 minutes', 12, 'sample'
    );

insert into rsvps (circle_id, uid, made_at)
values ('019ab000-0000-7000-8000-000000000003', 'eve', now() - interval '30 minutes');

insert into push_tokens (uid, device_id, platform, push_token, updated_at)
values ('eve', 'tablet', 'ios', 'sample-token-of-eve', now() - interval '30 minutes');

commit;
