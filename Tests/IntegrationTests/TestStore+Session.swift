import Database
import Domain
import TestKit

extension TestStore {
    /// What the API writes of a circle, unless it is there, and what Ingest does.
    func insertSession(
        _ id: CircleID, hostUID: String, email: String?, title: String = "Vinyl night",
        startedAt: Timestamp?, endedAt: Timestamp?
    ) async throws {
        let now = clock.now()
        try await pool.transaction { connection in
            try connection.query(
                """
                insert into circles (
                    circle_id, title, category, privacy, creator_uid, host_uid, host_email, co_host_uids,
                    cover_url, start_at, duration_min, max_speakers, max_listeners, mic_policy,
                    status, created_at, last_event_at
                ) values (
                    \(id), \(title), 'music', 'public', \(hostUID), \(hostUID), \(email), '{}', '',
                    \(now), 60, 8, 100, 'handRaise', 'ended', \(now), \(now)
                )
                on conflict (circle_id) do nothing
                """)
            try connection.query(
                """
                insert into circle_sessions (
                    circle_id, title, category, privacy, host_uid, started_at, ended_at,
                    peak_listeners, peak_speakers, participant_us, attendance_count, member_count,
                    hand_raise_count, promotion_count, demotion_count, mute_count, kick_count,
                    ban_count
                ) values (
                    \(id), \(title), 'music', 'public', \(hostUID), \(startedAt), \(endedAt), 87, 6,
                    20490000000, 130, 112, 23, 11, 4, 3, 2, 1
                )
                """)
        }
    }
}
