import Database
import Domain

/// Makes the days of history ahead and drops those that are past their time.
struct HistoryUpkeep: Sendable {
    static let tables = ["events", "quality_samples"]
    /// Days ahead: so long may no Jobs process run before Ingest has to make them itself.
    static let daysAhead = 7

    let pool: ConnectionPool
    let retentionDays: Int

    func run(at _: Timestamp) async throws -> JobResult {
        var (made, dropped, busy) = (0, 0, 0)
        for table in Self.tables {
            made += try await makeAhead(table)
            for day in try await oldDays(table) {
                do {
                    if try await drop(table, day) { dropped += 1 }
                } catch let error as DatabaseError
                    where error.code == DatabaseError.lockTimeoutCode
                {
                    // Somebody reads or writes: the next run comes by again.
                    busy += 1
                }
            }
        }
        return JobResult(
            count: made + dropped,
            detail: made + dropped + busy == 0
                ? "" : "\(made) made, \(dropped) dropped, \(busy) in use")
    }

    /// From yesterday on, by the database's day: late events come for it.
    private func makeAhead(_ table: String) async throws -> Int {
        try await pool.withConnection { connection in
            let before: Int = try connection.query("select count(*) from history_days(\(table))")[0]
                .get(0)
            try connection.query(
                """
                select ensure_history_partition(
                    \(table), (now() at time zone 'UTC')::date + day_offset::integer
                )
                from generate_series(-1, \(Self.daysAhead)) as day_offset
                """)
            let after: Int = try connection.query("select count(*) from history_days(\(table))")[0]
                .get(0)
            return after - before
        }
    }

    private func oldDays(_ table: String) async throws -> [String] {
        let kept = Int32(retentionDays)
        return try await pool.withConnection { connection in
            try connection.query(
                """
                select day::text
                from history_days(\(table)) as day
                where day < (now() at time zone 'UTC')::date - \(kept)
                order by day
                """
            ).map { try $0.get(0, as: String.self) }
        }
    }

    private func drop(_ table: String, _ day: String) async throws -> Bool {
        let kept = Int32(retentionDays)
        return try await pool.withConnection { connection in
            try connection.query(
                "select drop_history_partition(\(table), \(day)::text::date, \(kept))")[0].get(0)
        }
    }
}
