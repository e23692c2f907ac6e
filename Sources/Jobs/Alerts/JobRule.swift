import Database
import Domain

/// Jobs that no process does, or that fail each time.
struct JobRule: AlertSource {
    /// Late by so many intervals, and at least by so much.
    static let lateIntervals: Int64 = 5
    static let lateSecondsMin: Int64 = 120
    static let failuresMin: Int64 = 3

    /// Those of this program; the row of a job that is no more, such as that of a receiver that
    /// was taken out, stays and pages nobody. `nil`: all.
    let names: Set<String>?

    var rules: [AlertRule] { [.jobsLate] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        try connection.query(
            """
            select
                name, interval_ms, next_run_at, failure_count::bigint, coalesce(last_error, '')
            from jobs
            order by name
            """
        ).map({ $0 }).compactMap { row -> AlertReading? in
            let (name, interval): (String, Int64) = (try row.get(0), try row.get(1))
            let (next, failures): (Timestamp, Int64) = (try row.get(2), try row.get(3))
            let error: String = try row.get(4)
            guard names?.contains(name) ?? true else { return nil }
            let lag = max(now.microseconds - next.microseconds, 0) / 1_000_000
            let isLate = lag > max(Self.lateIntervals * interval / 1000, Self.lateSecondsMin)
            let isFailing = failures >= Self.failuresMin
            let cause =
                isFailing ? "it failed \(failures) times in a row: \(error)" : "nobody does it"
            return AlertReading(
                rule: .jobsLate, subject: name, dedupKey: "job:\(name)",
                level: isLate || isFailing ? .bad : .calm, value: Double(lag),
                summary: "job \(name) is \(lag) s late: \(cause)", cause: cause,
                details: AlertDetails(
                    labels: ["job_name": name], facts: ["failures": "\(failures)"],
                    sql: "select * from jobs where name = '\(name.quoted)';"))
        }
    }
}
