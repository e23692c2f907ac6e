import Database
import Domain
import EventSchema

/// What commands and deliveries hold.
extension Forgetting {
    /// Tables of which rows the circles' own step takes care.
    static let historyTables: Set = [
        "events", "circle_sessions", "attendances", "hand_raises", "stage_invitations",
        "talk_minutes", "quality_samples", "quality_minutes", "circle_day_members",
        "known_members", "daily_members", "host_sums", "host_sums_unsettled",
    ]

    /// Takes away what serves to reach them, and what only they had a use for.
    func eraseContacts(_ uid: String) throws {
        for table in ["push_tokens", "unsubscribes", "invitations"] {
            try connection.query("delete from \(trusted: table) where uid = \(uid)")
        }
        // Answers to others may name them too; a repeated request of the last day runs again.
        try connection.query(
            """
            delete from idempotency_keys
            where uid = \(uid) or position(\(Bytes(Array(uid.utf8))) in response_body) > 0
            """)
    }

    func eraseCommands(_ erasure: Erasure) throws {
        let (uid, tombstone) = (erasure.uid, erasure.tombstone)
        try connection.query(
            """
            update circles
            set host_email = null
            where host_uid = \(uid) or creator_uid = \(uid)
            """)
        try connection.query(
            """
            update circles
            set title = \(Erasure.title), cover_url = ''
            where host_uid = \(uid)
            """)
        try connection.query("update user_reports set comment = '' where reporter_uid = \(uid)")
        try connection.query(
            """
            update notifications
            set
                address = null, last_error = null,
                status = case when status = 'pending' then 'skipped' else status end
            where recipient_uid = \(uid)
            """)
        // Devices stay apart, so that as many were reached as before.
        try connection.query(
            """
            update pushes
            set
                device_id = gen_random_uuid()::text, message_name = null, reason = null,
                status = case when status = 'pending' then 'skipped' else status end
            where uid = \(uid)
            """)
        // Who comes after them is who comes after the one before them.
        try connection.query(
            """
            update reminder_rounds
            set after_uid = coalesce(
                (
                    select max(uid) from rsvps
                    where rsvps.circle_id = reminder_rounds.circle_id and uid < \(uid)
                ),
                ''
            )
            where after_uid = \(uid)
            """)
        for table in try UIDTable.all(connection)
        where !Self.historyTables.contains(table.name) && !(table.hasCircle && isUnknown(table)) {
            try table.rename(uid, to: tombstone, connection)
        }
    }

    /// Events that Ingest has not stored yet: it may fill holes of the log from here.
    func eraseOutbox(_ erasure: Erasure) throws {
        let rows = try connection.query(
            """
            select outbox_id, record from outbox
            where position(\(Bytes(Array(erasure.uid.utf8))) in record) > 0
            """)
        var changed: [(id: Int64, record: Bytes)] = []
        for row in rows.map({ $0 }) {
            let record = try row.get(1, as: Bytes.self).array
            guard let erased = try EventCodec.erase(erasure, in: record) else { continue }
            changed.append((try row.get(0), Bytes(erased)))
        }
        try connection.query(
            """
            update outbox
            set record = erased.record
            from unnest(\(changed.map(\.id)), \(changed.map(\.record))) as erased (outbox_id, record)
            where outbox.outbox_id = erased.outbox_id
            """)
    }

    /// Texts for operators, and records that nobody can read.
    func eraseMentions(_ erasure: Erasure) throws {
        let (uid, tombstone) = (erasure.uid, erasure.tombstone)
        // A summary's row may have been made while history still said who hosted.
        try connection.query(
            """
            delete from notifications as made
            where recipient_uid = \(uid)
                and exists (
                    select from notifications as known
                    where known.kind = made.kind and known.subject_id = made.subject_id
                        and known.recipient_uid = \(tombstone)
                )
            """)
        try connection.query(
            """
            update notifications set recipient_uid = \(tombstone), address = null
            where recipient_uid = \(uid) and created_at < \(erasure.forgottenAt)
            """)
        // As a word of its own: a short uid is a part of other words.
        let pattern = "(?<![A-Za-z0-9_-])" + Self.quoted(uid) + "(?![A-Za-z0-9_-])"
        for (table, column) in [
            ("alerts", "summary"), ("alerts", "cause"), ("alert_deliveries", "last_error"),
            ("jobs", "last_detail"), ("jobs", "last_error"), ("notifications", "last_error"),
            ("pushes", "reason"),
        ] {
            try connection.query(
                """
                update \(trusted: table)
                set \(trusted: column) = regexp_replace(
                    \(trusted: column), \(pattern), \(tombstone), 'g'
                )
                where \(trusted: column) ~ \(pattern)
                """)
        }
        let escaped = "(?<![A-Za-z0-9_-])" + Self.quoted(Self.inJSON(uid)) + "(?![A-Za-z0-9_-])"
        try connection.query(
            """
            update alerts
            set details = regexp_replace(details::text, \(escaped), \(tombstone), 'g')::jsonb
            where details::text ~ \(escaped)
            """)
        let bytes = Bytes(Array(uid.utf8))
        try connection.query(
            """
            update dead_letters
            set record = null, record_key = null, reason = reason || ' (record erased)'
            where position(\(bytes) in record) > 0 or position(\(bytes) in record_key) > 0
            """)
    }

    /// Tables that are none of those above: of a later migration.
    func isUnknown(_ table: UIDTable) -> Bool {
        !Self.historyTables.contains(table.name)
            && ![
                "circles", "seats", "bans", "rsvps", "user_reports", "moderation_audit",
                "members", "circle_rsvps", "notifications", "pushes", "reminder_rounds",
                "push_tokens", "unsubscribes", "invitations", "idempotency_keys",
            ].contains(table.name)
    }

    /// A text as a regular expression that matches it alone.
    private static func quoted(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
                    scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                        ? [scalar] : ["\\", scalar]
                }))
    }

    /// Of printable ASCII, JSON escapes two.
    private static func inJSON(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
}
