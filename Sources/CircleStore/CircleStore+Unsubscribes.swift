import Database
import Domain

extension CircleStore {
    /// Notes that a person wants no more mail of a kind; again, it stays as it was.
    public func unsubscribe(_ uid: String, from kind: String) async throws {
        let now = clock.now()
        try await pool.transaction(settings: Caller(uid: uid).rowSecurity) { connection in
            _ = try connection.query(
                """
                insert into unsubscribes (uid, kind, unsubscribed_at)
                values (\(uid), \(kind), \(now))
                on conflict (uid, kind) do nothing
                """)
        }
    }

    /// Whether the person has said so.
    public func hasUnsubscribed(_ uid: String, from kind: String) async throws -> Bool {
        try await pool.transaction(settings: Caller(uid: uid).rowSecurity) { connection in
            try connection.query(
                "select from unsubscribes where uid = \(uid) and kind = \(kind)"
            ).count > 0
        }
    }
}
