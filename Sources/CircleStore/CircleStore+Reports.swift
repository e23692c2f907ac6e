import Database
import Domain

/// What one user says about another.
public struct UserReport: Sendable, Hashable {
    public var uid: String
    public var category: ReportCategory
    public var comment: String

    public init(uid: String, category: ReportCategory, comment: String) {
        self.uid = uid
        self.category = category
        self.comment = comment
    }
}

extension CircleStore {
    /// Keeps a report about a user who is or was in the circle.
    ///
    /// - Returns: the report's id.
    /// - Throws: `CommandError.memberNotFound` about one who never was there, `.forbidden` about
    ///   oneself, `.reportLimitReached` past `Limits.reportsPerUserAndCircle`.
    public func report(
        _ report: UserReport, in circleID: CircleID, by caller: Caller
    ) async throws -> EventID {
        try await command(on: circleID, by: caller) { transaction in
            let uid = transaction.caller.uid
            guard report.uid != uid else { throw CommandError.forbidden }
            guard try transaction.hasBeenInside(report.uid) else {
                throw CommandError.memberNotFound
            }
            let count: Int = try transaction.connection.query(
                """
                select count(*) from user_reports
                where circle_id = \(circleID) and reporter_uid = \(uid)
                """)[0].get(0)
            guard count < Limits.reportsPerUserAndCircle else {
                throw CommandError.reportLimitReached
            }
            let reportID = EventID(now: transaction.now)
            try transaction.connection.query(
                """
                insert into user_reports (
                    report_id, circle_id, reporter_uid, reported_uid, category, comment,
                    reported_at
                )
                values (
                    \(reportID), \(circleID), \(uid), \(report.uid),
                    \(report.category.rawValue), \(report.comment), \(transaction.now)
                )
                """)
            transaction.record(
                .memberReported(uid: report.uid, actorUID: uid, report.category))
            return reportID
        }
    }
}

extension CircleTransaction {
    /// Whether a user runs the circle, sits in it or has left it.
    fileprivate func hasBeenInside(_ uid: String) throws -> Bool {
        if circle.isHosted(by: uid) { return true }
        return try connection.query(
            """
            select 1::int8 from seats
            where circle_id = \(circle.circleID) and uid = \(uid)
            union all
            select 1::int8 from attendances
            where circle_id = \(circle.circleID) and uid = \(uid)
            limit 1
            """
        ).count > 0
    }
}
