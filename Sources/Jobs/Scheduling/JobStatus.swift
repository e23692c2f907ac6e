import Database
import Domain

/// What `circles jobs status` tells of one job.
public struct JobStatus: Sendable, Encodable, Equatable {
    public enum State: String, Sendable, Encodable {
        /// Waits for its time.
        case waiting
        case running
        /// Its time has come and nobody runs it: no Jobs process, or it is too busy.
        case due
        /// Its last run failed; the next one waits.
        case failing
        /// Its holder says nothing any more.
        case abandoned
    }

    public let name: String
    public let state: State
    public let intervalMilliseconds: Int64
    public let lastStartedAt: Timestamp?
    public let lastFinishedAt: Timestamp?
    public let nextRunAt: Timestamp
    /// How long it has been due, milliseconds; 0 while it is not.
    public let lagMilliseconds: Int64
    public let runCount: Int64
    public let failureCount: Int
    public let lastCount: Int64?
    public let lastDetail: String?
    public let lastError: String?
    public let holder: String?

    /// All jobs that ever ran here, by name.
    public static func all(_ connection: Connection) throws -> [JobStatus] {
        try connection.query(
            """
            select
                name, interval_ms, last_started_at, last_finished_at, next_run_at,
                greatest(
                    (extract(epoch from clock_timestamp() - next_run_at) * 1000)::bigint, 0
                ),
                run_count, failure_count, last_count, last_detail, last_error, lease_holder,
                lease_expires_at <= clock_timestamp()
            from jobs
            order by name
            """
        ).map { row in
            let holder: String? = try row.optional(11)
            let isAbandoned: Bool? = try row.optional(12)
            let (lag, failures): (Int64, Int) = (try row.get(5), try row.get(7))
            let state: State =
                if holder != nil {
                    isAbandoned == true ? .abandoned : .running
                } else if lag > 0 {
                    .due
                } else {
                    failures > 0 ? .failing : .waiting
                }
            return JobStatus(
                name: try row.get(0), state: state, intervalMilliseconds: try row.get(1),
                lastStartedAt: try row.optional(2), lastFinishedAt: try row.optional(3),
                nextRunAt: try row.get(4), lagMilliseconds: holder == nil ? lag : 0,
                runCount: try row.get(6), failureCount: failures,
                lastCount: try row.optional(8), lastDetail: try row.optional(9),
                lastError: try row.optional(10), holder: holder)
        }
    }
}
