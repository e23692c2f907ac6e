import CircleStore
import Database
import Domain

/// Deletes rows that have served: in small batches, passing over what somebody has locked.
///
/// The outbox is not among them: its relay deletes a row once Ingest has stored the event.
struct Pruning: Sendable {
    /// Rows in one transaction.
    static let batchCountMax = 1000
    /// Batches of one table in one run; the next one goes on.
    static let batchesMax = 20

    let pool: ConnectionPool

    func run(at now: Timestamp) async throws -> JobResult {
        let day = now.adding(seconds: -86_400)
        let week = now.adding(seconds: -CircleStore.webhookMemorySeconds)
        let quarter = now.adding(seconds: -90 * 86_400)
        // As long as history is kept by default.
        let year = now.adding(seconds: -400 * 86_400)
        let counts = [
            // Nobody is mailed or reminded of what is that long ago: the claim has served.
            ("mails", try await prune("notifications", where: "updated_at < \(quarter)")),
            ("pushes", try await prune("pushes", where: "updated_at < \(quarter)")),
            (
                "pages",
                try await prune(
                    "alert_deliveries",
                    where: """
                        alert_id in (select alert_id from alerts where cleared_at < \(year))
                        """)
            ),
            (
                "incidents",
                try await prune(
                    "alerts",
                    where: """
                        cleared_at < \(year) and not exists (
                            select from alert_deliveries
                            where alert_deliveries.alert_id = alerts.alert_id
                        )
                        """)
            ),
            (
                "idempotency keys",
                try await prune("idempotency_keys", where: "created_at <= \(day)")
            ),
            (
                "webhook names",
                try await prune("webhook_deliveries", where: "received_at < \(week)")
            ),
            (
                "media connections",
                try await prune("media_connections", where: "reported_at < \(week)")
            ),
            (
                "placements",
                try await prune(
                    "circle_placements",
                    where: """
                        circle_id in (
                            select circle_id from circles where status = 'ended'
                                and ended_at < \(day)
                        )
                        """)
            ),
        ]
        let removed = counts.filter { $0.1 > 0 }
        return JobResult(
            count: removed.reduce(0) { $0 + $1.1 },
            detail: removed.map { "\($0.1) \($0.0)" }.joined(separator: ", "))
    }

    private func prune(_ table: String, where isOld: SQL) async throws -> Int {
        var total = 0
        for _ in 0..<Self.batchesMax {
            let count = try await pool.withConnection { connection in
                try connection.query(
                    """
                    delete from \(trusted: table)
                    where ctid = any (array(
                        select ctid
                        from \(trusted: table)
                        where \(isOld)
                        limit \(Self.batchCountMax)
                        for update skip locked
                    ))
                    """
                ).affectedCount
            }
            total += count
            if count < Self.batchCountMax { break }
        }
        return total
    }
}
