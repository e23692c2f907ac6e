-- What report `sessions` is tested with: two circles that ended, two live ones, one of them with
-- a title that needs quoting, and one that never began. Two began in the same moment.

insert into circle_sessions (
    circle_id, title, category, privacy, host_uid, created_at, scheduled_at, started_at, ended_at,
    end_reason, peak_listeners, peak_speakers, participant_us, attendance_count, member_count,
    hand_raise_count, promotion_count, demotion_count, mute_count, kick_count, ban_count
)
values
    (
        '019aaaaa-0000-7000-8000-000000000001', 'Vinyl night', 'music', 'public', 'ada',
        '2026-11-20T09:00:00Z', '2026-11-20T18:00:00Z', '2026-11-20T18:00:00Z',
        '2026-11-20T19:30:00Z', 'host', 37, 5, 36750000000, 48, 41, 9, 3, 1, 2, 2, 1
    ),
    (
        '019aaaaa-0000-7000-8000-000000000003', 'Late talk', '', 'secret', 'cleo',
        '2026-11-21T19:59:00Z', '2026-11-21T20:00:00Z', '2026-11-21T20:00:00Z',
        '2026-11-21T20:00:10.5Z', 'empty', 0, 1, 10500000, 1, 1, 0, 0, 0, 0, 0, 0
    ),
    (
        '019aaaaa-0000-7000-8000-000000000002', E'Rock, "roll"\nand Ελληνικά', 'music', 'private',
        'bo', '2026-11-21T19:00:00Z', '2026-11-21T20:00:00Z', '2026-11-21T20:00:00Z', null, null,
        3, 2, 0, 6, 5, 1, 1, 0, 0, 0, 0
    ),
    (
        '019aaaaa-0000-7000-8000-000000000004', 'Never begun', 'music', 'public', 'dan',
        '2026-11-21T21:00:00Z', '2026-11-21T22:00:00Z', null, null, null, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0
    ),
    (
        '019aaaaa-0000-7000-8000-000000000005', 'Midnight', 'talk', 'public', 'eva',
        '2026-11-21T22:00:00Z', '2026-11-22T00:00:00Z', '2026-11-22T00:00:00Z', null, null, 0, 1,
        0, 1, 1, 0, 0, 0, 0, 0, 0
    );
