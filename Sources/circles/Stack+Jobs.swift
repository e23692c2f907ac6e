import Database
import Jobs

/// The jobs that run every few seconds.
extension Stack {
    func jobs(pool: ConnectionPool) throws -> [any Job] {
        [
            ReminderJob(
                try settings.reminders(), pool: pool, sender: try pushSender(), clock: clock,
                logger: logger("reminders"))
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
