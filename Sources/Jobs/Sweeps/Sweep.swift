import CircleStore
import Database
import Domain

/// A job that mends or clears something away.
struct Sweep: Job {
    let name: String
    let intervalMilliseconds: Int64
    private let body: @Sendable (Timestamp) async throws -> JobResult

    init(
        _ name: String, eachSeconds: Int64,
        _ body: @escaping @Sendable (Timestamp) async throws -> JobResult
    ) {
        self.name = name
        intervalMilliseconds = eachSeconds * 1000
        self.body = body
    }

    func run(at now: Timestamp) async throws -> JobResult {
        try await body(now)
    }
}

/// When circles end by themselves, and how long history is kept.
public struct SweepSettings: Sendable {
    /// How much longer than planned a circle may last.
    public var overrunGraceSeconds: Int64
    /// How long a live circle may stand empty; also how long after its planned end one that never
    /// began is given up, for which a day is added.
    public var emptySeconds: Int64
    public var retentionDays: Int

    public init(
        overrunGraceSeconds: Int64 = 3600, emptySeconds: Int64 = 600, retentionDays: Int = 400
    ) {
        self.overrunGraceSeconds = overrunGraceSeconds
        self.emptySeconds = emptySeconds
        self.retentionDays = retentionDays
    }
}

/// The jobs that keep circles and tables in order.
public enum Sweeps {
    /// - Parameters:
    ///   - store: the commands, on sessions with a short `lock_timeout`.
    ///   - pool: the same sessions.
    public static func jobs(
        store: CircleStore, pool: ConnectionPool, settings: SweepSettings
    ) -> [any Job] {
        [
            Sweep("settle-hostless", eachSeconds: 1) { _ in
                JobResult(count: try await store.settleHostless())
            },
            Sweep("end-circles", eachSeconds: 10) { _ in
                let overrun = try await store.endOverrun(
                    graceSeconds: settings.overrunGraceSeconds)
                let empty = try await store.endEmpty(afterSeconds: settings.emptySeconds)
                let unstarted = try await store.endUnstarted(
                    afterSeconds: 86_400 + settings.emptySeconds)
                return JobResult(
                    count: overrun + empty + unstarted,
                    detail: overrun + empty + unstarted == 0
                        ? "" : "\(overrun) overrun, \(empty) empty, \(unstarted) never begun")
            },
            Sweep("release-seats", eachSeconds: 10) { _ in
                JobResult(count: try await store.releaseExpiredSeats())
            },
            Sweep("history-partitions", eachSeconds: 3600) { now in
                try await HistoryUpkeep(pool: pool, retentionDays: settings.retentionDays)
                    .run(at: now)
            },
            Sweep("prune", eachSeconds: 60) { now in
                try await Pruning(pool: pool).run(at: now)
            },
        ]
    }
}
