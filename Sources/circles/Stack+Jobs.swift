import Database
import Jobs
import ServiceLifecycle

extension Stack {
    /// Sessions for the jobs: they wait for no lock that a command or a writer holds.
    func jobsPool() -> ConnectionPool {
        ConnectionPool(
            url: databaseURL, applicationName: "circles-jobs", role: .jobs,
            size: 8,  // a job may hold one for long, and none may wait for that
            settings: [("lock_timeout", "1000"), ("statement_timeout", "60000")])
    }

    func jobsServices(pool: ConnectionPool) throws -> [any Service] {
        [
            JobsService(
                jobs: try jobs(pool: pool), pool: pool, clock: clock, logger: logger("jobs"))
        ]
    }

    private func jobs(pool: ConnectionPool) throws -> [any Job] {
        try otherJobs(pool: pool) + alertJobs(pool: pool)
    }

    /// All jobs but those of alerts.
    func otherJobs(pool: ConnectionPool) throws -> [any Job] {
        try Sweeps.jobs(
            store: store(pool: pool), pool: pool, settings: settings.sweeps())
            + [
                SummaryMailing(
                    try settings.summaryMail(), pool: pool, clock: clock, logger: logger("mail")),
                ReminderJob(
                    try settings.reminders(), pool: pool, sender: try pushSender(), clock: clock,
                    logger: logger("reminders")),
            ]
    }

    /// Firebase, or a file where it is not set up.
    private func pushSender() throws -> any PushSender {
        if let configuration = try settings.fcm() {
            return FCMClient(configuration, clock: clock)
        }
        return PushLog(
            path: try settings.pushLogPath(), clock: clock, logger: logger("pushes"))
    }
}
