import Database
import Domain

/// Rows of the ways onto the stage and of what is said there.
extension BatchWriter {
    func writeInvitations(_ connection: Connection) {
        let all = attendances.flatMap { entry in
            entry.attendance.changedInvitations.map { (entry.circleID, entry.attendance, $0) }
        }
        guard !all.isEmpty else { return }
        connection.later(
            """
            insert into stage_invitations (
                circle_id, session_id, invite_number, uid, actor_uid, invited_at, answered_at,
                answer, spoke_at
            )
            select *
            from unnest(
                \(all.map(\.0)), \(all.map(\.1.sessionID)), \(all.map { $0.2.offset + 1 }),
                \(all.map(\.1.uid)), \(all.map(\.2.element.actorUID)),
                \(all.map(\.2.element.invitedAt)),
                \(OptionalArray(all.map(\.2.element.answeredAt))),
                \(OptionalArray(all.map(\.2.element.answer?.rawValue))),
                \(OptionalArray(all.map(\.2.element.spokeAt)))
            )
            on conflict (circle_id, session_id, invite_number) do update
            set
                actor_uid = excluded.actor_uid, invited_at = excluded.invited_at,
                answered_at = excluded.answered_at, answer = excluded.answer,
                spoke_at = excluded.spoke_at
            """)
    }

    func writeTalkMinutes(_ connection: Connection) {
        let all = attendances.flatMap { entry in
            entry.attendance.talkMinutes.rows(all: !entry.attendance.isStored).map {
                (entry.circleID, entry.attendance, $0)
            }
        }
        guard !all.isEmpty else { return }
        connection.later(
            """
            insert into talk_minutes (circle_id, session_id, minute_at, uid, talk_us)
            select *
            from unnest(
                \(all.map(\.0)), \(all.map(\.1.sessionID)), \(all.map(\.2.minuteAt)),
                \(all.map(\.1.uid)), \(all.map(\.2.microseconds))
            )
            on conflict (circle_id, session_id, minute_at) do update
            set talk_us = excluded.talk_us
            """)
    }
}
