import Database
import Domain
import Logging
import ServiceLifecycle

/// Runs the jobs. Several processes may: each job is done by one of them at a time.
public struct JobsService: Service {
    private let scheduler: JobScheduler

    /// - Parameter pool: sessions with the rights of Jobs; the jobs may share it.
    public init(
        jobs: [any Job], pool: ConnectionPool, clock: any WallClock, logger: Logger
    ) {
        scheduler = JobScheduler(
            jobs: jobs,
            // Like no other process's, also after a restart.
            ledger: JobLedger(pool: pool, holder: "jobs-\(EventID(now: clock.now()))"),
            clock: clock, logger: logger)
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown { await scheduler.run() }
    }
}
