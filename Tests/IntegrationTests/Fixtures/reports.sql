-- Two circles whose reports can be worked out by hand.
--
-- Vinyl night, 20 November, 18:00 to 18:20: ada hosts; bo comes at 18:00:30, is brought on stage at
-- 18:05 and leaves at 18:11:30; cy never gets media and leaves after 70 seconds; dee comes at 18:10,
-- declines the stage and stays to the end. bo, cy and zed meant to come, eve no longer.
-- Late talk, 21 November from 23:50: ada is in for twenty minutes, bo is still there.

insert into circle_sessions (
    circle_id, title, category, privacy, host_uid, created_at, scheduled_at, started_at, ended_at,
    end_reason, peak_listeners, peak_listeners_at, peak_speakers, peak_speakers_at, participant_us,
    attendance_count, member_count, hand_raise_count, promotion_count, demotion_count, mute_count,
    kick_count, ban_count
)
values
    (
        '019aaaaa-0000-7000-8000-000000000001', 'Vinyl night', 'music', 'public', 'ada',
        '2026-11-19 18:00Z', '2026-11-20 18:00Z', '2026-11-20 18:00Z', '2026-11-20 18:20Z', 'host',
        2, '2026-11-20 18:02Z', 2, '2026-11-20 18:05Z', 2530000000, 4, 4, 1, 1, 0, 0, 0, 0
    ),
    (
        '019aaaaa-0000-7000-8000-000000000002', 'Late talk', 'talk', 'private', 'ada',
        '2026-11-21 23:00Z', '2026-11-21 23:45Z', '2026-11-21 23:50Z', null, null,
        1, '2026-11-21 23:50Z', 1, '2026-11-21 23:50Z', 1200000000, 2, 2, 0, 0, 0, 0, 0, 0
    );

insert into attendances (
    circle_id, session_id, uid, joined_at, left_at, leave_reason, first_role, last_role, roles,
    stage_us, talk_us, hand_raise_count, promotion_count, was_kicked, ice_ms, dtls_ms,
    first_packet_ms, connected_at
)
select
    ('019aaaaa-0000-7000-8000-00000000000' || circle)::uuid,
    ('019aaaaa-0000-7000-9000-00000000000' || session)::uuid,
    uid, joined_at, left_at, leave_reason, first_role,
    case when promoted_at is null then first_role else 'speaker' end,
    jsonb_build_array(
        jsonb_build_object('role', first_role, 'at', extract(epoch from joined_at)::bigint * 1000000)
    ) || case
        when promoted_at is null then '[]'::jsonb
        else jsonb_build_array(jsonb_build_object(
            'role', 'speaker', 'at', extract(epoch from promoted_at)::bigint * 1000000
        ))
    end,
    stage_s * 1000000::bigint, talk_s * 1000000::bigint, 0, 0, false, ice_ms, ice_ms * 2,
    ice_ms * 3, joined_at + ice_ms * interval '4 milliseconds'
from (
    values
        (1, 1, 'ada', '2026-11-20 18:00Z'::timestamptz, '2026-11-20 18:20Z'::timestamptz,
            'circleEnded', 'host', null::timestamptz, 1200, 60, 20),
        (1, 2, 'bo', '2026-11-20 18:00:30Z', '2026-11-20 18:11:30Z', 'left', 'listener',
            '2026-11-20 18:05Z', 390, 30, 40),
        (1, 3, 'cy', '2026-11-20 18:02Z', '2026-11-20 18:03:10Z', 'left', 'listener', null, 0, 0,
            null::integer),
        (1, 4, 'dee', '2026-11-20 18:10Z', '2026-11-20 18:20Z', 'circleEnded', 'listener', null,
            0, 0, 60),
        (2, 5, 'ada', '2026-11-21 23:50Z', '2026-11-22 00:10Z', 'left', 'host', null, 1200, 0, 30),
        (2, 6, 'bo', '2026-11-21 23:50Z', null, null, 'listener', null, 0, 0, 50)
) as stays (
    circle, session, uid, joined_at, left_at, leave_reason, first_role, promoted_at, stage_s,
    talk_s, ice_ms
);

insert into members (
    circle_id, uid, session_id, role, is_muted, is_connected, is_speaking, joined_at, last_spoke_at
)
values (
    '019aaaaa-0000-7000-8000-000000000002', 'bo', '019aaaaa-0000-7000-9000-000000000006',
    'listener', false, true, false, '2026-11-21 23:50Z', null
);

insert into talk_minutes (circle_id, session_id, minute_at, uid, talk_us)
values
    ('019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000001',
        '2026-11-20 18:00Z', 'ada', 50000000),
    ('019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000001',
        '2026-11-20 18:06Z', 'ada', 10000000),
    ('019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000002',
        '2026-11-20 18:06Z', 'bo', 30000000);

insert into hand_raises (
    circle_id, session_id, raise_number, uid, raised_at, lowered_at, lower_reason, spoke_at
)
values (
    '019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000002', 1, 'bo',
    '2026-11-20 18:04Z', '2026-11-20 18:05Z', 'promoted', '2026-11-20 18:06Z'
);

insert into stage_invitations (
    circle_id, session_id, invite_number, uid, actor_uid, invited_at, answered_at, answer
)
values (
    '019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000004', 1, 'dee', 'ada',
    '2026-11-20 18:14Z', '2026-11-20 18:15Z', 'declined'
);

insert into circle_rsvps (circle_id, uid, made_at, withdrawn_at)
select
    '019aaaaa-0000-7000-8000-000000000001', uid, '2026-11-19 19:00Z',
    case when uid = 'eve' then timestamptz '2026-11-20 10:00Z' end
from unnest(array['bo', 'cy', 'zed', 'eve']) as uid;

insert into pushes (
    kind, circle_id, uid, device_id, start_at, status, attempt_count, due_at, next_attempt_at,
    created_at, updated_at
)
select
    'reminder', '019aaaaa-0000-7000-8000-000000000001', uid, 'phone', '2026-11-20 18:00Z', status,
    1, '2026-11-20 17:45Z', '2026-11-20 17:45Z', '2026-11-20 17:45Z', '2026-11-20 17:45Z'
from (values ('bo', 'sent'), ('cy', 'failed')) as push (uid, status);

-- Two minutes of ada's uplink: 12 of 6,000 packets lost.
insert into quality_minutes (
    circle_id, session_id, uid, direction, minute_at, packets_expected, packets_lost,
    packets_discarded, jitter_us_avg, jitter_us_max, round_trip_time_us_avg,
    round_trip_time_us_max, sample_count
)
values
    ('019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000001', 'ada',
        'uplink', '2026-11-20 18:00Z', 3000, 0, 0, 4000, 8000, 40000, 50000, 12),
    ('019aaaaa-0000-7000-8000-000000000001', '019aaaaa-0000-7000-9000-000000000001', 'ada',
        'uplink', '2026-11-20 18:01Z', 3000, 12, 0, 6000, 8000, 60000, 70000, 12);

insert into circles (
    circle_id, title, category, privacy, host_uid, creator_uid, co_host_uids, cover_url, start_at,
    duration_min, max_speakers, max_listeners, mic_policy, status, created_at, last_event_at,
    version
)
values (
    '019aaaaa-0000-7000-8000-000000000001', 'Vinyl night', 'music', 'public', 'ada', 'ada', '{}',
    '', '2026-11-20 18:00Z', 60, 8, 100, 'handRaise', 'ended', '2026-11-19 18:00Z',
    '2026-11-20 18:20Z', 1
);
insert into moderation_audit (
    circle_id, actor_uid, action, target_uid, reason, acted_at, source_seq, trace_id
)
values (
    '019aaaaa-0000-7000-8000-000000000001', 'ada', 'memberMuted', 'bo', 'echo', '2026-11-20 18:07Z',
    9, ''
);

select roll_up_circles(
    array_agg(circle_id), array_agg(timestamptz '-infinity'), '{}', '{}'
)
from circle_sessions;

-- As Ingest does: some settled, some not yet.
select unsettle_all();
select settle_quality_days('infinity', 1000), settle('host_sums', 'true', now(), 1);

-- Of on-call: an incident that is over; and what a reconciler found 5 s ago.
insert into alerts (
    rule, subject, dedup_key, severity, summary, cause, value, details, opened_at, observed_at,
    cleared_at, clear_reason
)
values (
    'packetLoss', 'c1 uplink', 'loss:c1:uplink', 'error', '12.5 % packet loss', 'uplink of bob', 12.5,
    '{}', '2026-11-20 18:10Z', '2026-11-20 18:14:30Z', '2026-11-20 18:14:30Z', 'recovered'
);
insert into alert_deliveries (
    alert_id, dedup_key, receiver, action, status, attempt_count, next_attempt_at, created_at,
    updated_at
)
select
    alert_id, dedup_key, receiver, action, status, attempts, opened_at, opened_at, opened_at
from alerts
cross join (values
    ('pagerduty', 'trigger', 'sent', 1), ('pagerduty', 'resolve', 'sent', 2),
    ('chat', 'trigger', 'failed', 1)
) as deliveries (receiver, action, status, attempts);

insert into presence_drift
values
    (
        '019aaaaa-0000-7000-8000-000000000002', '019aaaaa-0000-7000-8000-0000000000f1', 'ada', 'sfu-1',
        'table', '2026-11-22 00:00:00Z', '2026-11-22 00:00:25Z'
    ),
    (
        '019aaaaa-0000-7000-8000-000000000002', '019aaaaa-0000-7000-8000-0000000000f2', 'eve', 'sfu-1',
        'node', '2026-11-22 00:00:20Z', '2026-11-22 00:00:25Z'
    );
