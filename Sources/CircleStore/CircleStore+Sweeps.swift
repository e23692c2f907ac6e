import Database
import Domain

/// What the system does to circles and seats that nobody looks after any more. Each call does a
/// bounded number and passes over circles that somebody else is changing.
extension CircleStore {
    /// Ends live circles that last longer than planned.
    ///
    /// - Parameter graceSeconds: how much longer than `durationMin` a circle may last.
    /// - Returns: how many were ended.
    public func endOverrun(graceSeconds: Int64, limit: Int = 100) async throws -> Int {
        let now = clock.now()
        let isOver: SQL = """
            status = 'live'
                and started_at + duration_min * interval '1 minute'
                    <= \(now.adding(seconds: -graceSeconds))
            """
        return try await sweep(isOver, order: "started_at", limit: limit) { transaction in
            try transaction.end(.overrun)
        }
    }

    /// Ends live circles in which nobody sits and nothing has happened for a while.
    public func endEmpty(afterSeconds: Int64, limit: Int = 100) async throws -> Int {
        let isEmpty: SQL = """
            status = 'live'
                and last_event_at <= \(clock.now().adding(seconds: -afterSeconds))
                and not exists (
                    select from seats where seats.circle_id = circles.circle_id
                )
            """
        return try await sweep(isEmpty, order: "last_event_at", limit: limit) { transaction in
            try transaction.end(.empty)
        }
    }

    /// Ends circles that were planned and never begun.
    ///
    /// - Parameter afterSeconds: counted from their planned end.
    public func endUnstarted(afterSeconds: Int64, limit: Int = 100) async throws -> Int {
        let isMissed: SQL = """
            status = 'scheduled'
                and start_at + duration_min * interval '1 minute'
                    <= \(clock.now().adding(seconds: -afterSeconds))
            """
        return try await sweep(isMissed, order: "start_at", limit: limit) { transaction in
            try transaction.end(.empty)
        }
    }

    /// Frees the seats whose lease has run out.
    ///
    /// - Returns: in how many circles.
    public func releaseExpiredSeats(limit: Int = 100) async throws -> Int {
        let now = clock.now()
        let hasExpired: SQL = """
            exists (
                select
                from seats
                where seats.circle_id = circles.circle_id and seats.lease_expires_at < \(now)
            )
            """
        return try await sweep(hasExpired, order: "circle_id", limit: limit) { transaction in
            try transaction.vacateAll(.leaseExpired, leaseExpiredBefore: now)
        }
    }

    /// Runs `body` on circles of which a condition holds, each in a transaction of its own in which
    /// it still holds.
    private func sweep(
        _ condition: SQL, order: SQL, limit: Int,
        _ body: @escaping @Sendable (inout CircleTransaction) throws -> Void
    ) async throws -> Int {
        let circleIDs = try await pool.transaction(
            settings: Caller.system(traceID: "").rowSecurity
        ) { connection in
            try connection.query(
                """
                select circle_id
                from circles
                where \(condition)
                order by \(order)
                limit \(limit)
                """
            ).map { try $0.get(0, as: CircleID.self) }
        }
        var count = 0
        for circleID in circleIDs {
            do {
                let isDone = try await command(on: circleID, by: .system(traceID: "")) {
                    transaction in
                    // Somebody may have come or changed it since the query.
                    let stillHolds =
                        try transaction.connection.query(
                            "select 1::int8 from circles where circle_id = \(circleID) and \(condition)"
                        ).count > 0
                    if stillHolds { try body(&transaction) }
                    return stillHolds
                }
                if isDone { count += 1 }
            } catch let error as DatabaseError where error.code == DatabaseError.lockTimeoutCode {
                continue  // the next sweep comes by again
            }
        }
        return count
    }
}
